package eventstore

// PartitionOf maps a record key to one of n Kafka partitions. It is the rule of Kafka's own default partitioner
// (murmur2), so that other clients that write or look up by key find the same partition. The rule and n are pinned: a
// log that was written with another n refuses to open.
func PartitionOf(key string, n int) int32 {
	return int32(murmur2(key)&0x7fffffff) % int32(n) //nolint:gosec // masked to 31 bits; n is a partition count
}

// murmur2 is the 32-bit MurmurHash2 with Kafka's seed.
func murmur2(key string) uint32 {
	const (
		seed uint32 = 0x9747b28c
		m    uint32 = 0x5bd1e995
		r           = 24
	)
	h := seed ^ uint32(len(key)) //nolint:gosec // keys are short
	for len(key) >= 4 {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
		key = key[4:]
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(key[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}
