// Package salesdaily is the read model of what was sold: per day, SKU and currency the number of orders, of pieces, and the
// revenue.
//
// An order counts on the day it was placed (UTC), from its confirmation on, at the prices it was placed at; once it is to be
// undone it does not count any more. To know what to take away, the model keeps a small row per order.
//
// It is folded from the topic orders.events. Start reading at [Order], [Apply] and [sold]; [Queries] is what people ask.
package salesdaily
