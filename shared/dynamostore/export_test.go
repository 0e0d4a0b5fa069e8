package dynamostore

// RecordItem is what a license is stored as: tests that fill a table with many licenses write it themselves.
var RecordItem = recordItem
