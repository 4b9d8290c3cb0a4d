import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Reads the events of a topic and says what it has read. It keeps no database: Kafka stores each partition's offset together with
 * the position of the last event. After a crash some events come again, so the work must bear that, by the id of the event.
 *
 * <pre>java -cp kafka-clients.jar:slf4j-api.jar Consume.java localhost:9092 orders.events</pre>
 */
public class Consume {
    public static void main(String[] args) {
        var settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", "shipping");
        settings.put("isolation.level", "read_committed"); // else you see what was taken back
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        settings.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        settings.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        try (var consumer = new KafkaConsumer<String, String>(settings)) {
            var positions = new HashMap<TopicPartition, Long>(); // of the last event of each partition
            consumer.subscribe(List.of(args[1]), new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                    consumer.committed(Set.copyOf(partitions)).forEach((partition, committed) ->
                        positions.put(partition, committed == null ? 0 : Long.parseLong(committed.metadata())));
                }

                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                    positions.keySet().removeAll(partitions);
                }
            });
            while (true) {
                var done = new HashMap<TopicPartition, OffsetAndMetadata>();
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    var partition = new TopicPartition(record.topic(), record.partition());
                    long position = Long.parseLong(header(record, "ce_sequence"));
                    long prev = Long.parseLong(header(record, "ordo_prev"));
                    long last = positions.get(partition);
                    if (position > last) { // else it was seen: the topic was made anew
                        if (prev != last) {
                            throw new IllegalStateException(String.format(
                                "%s: event %d follows %d, but the last one here was %d: events are missing", partition, position, prev, last));
                        }
                        System.out.printf("%d %d %s %s%n", record.partition(), position, header(record, "ce_type"), header(record, "ce_subject"));
                        positions.put(partition, position);
                    }
                    done.put(partition, new OffsetAndMetadata(record.offset() + 1, Long.toString(positions.get(partition))));
                }
                consumer.commitSync(done);
            }
        }
    }

    static String header(ConsumerRecord<String, String> record, String name) {
        return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
    }
}
