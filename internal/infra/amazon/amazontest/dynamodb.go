package amazontest

import (
	"encoding/json"
	"hash/crc32"
	"net/http"
	"strconv"
)

// item is an item of the table.
type item map[string]attribute

// attribute is a text of an item.
type attribute struct{ S string }

// Item gives a text of an item, by its LockID; false if there is none.
func (a *Amazon) Item(id, name string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok := a.items[id][name]
	return v.S, ok
}

// PutItem puts an item with one text; without a name, it removes the item.
func (a *Amazon) PutItem(id, name, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if name == "" {
		delete(a.items, id)
		return
	}
	a.items[id] = item{"LockID": {id}, name: {value}}
}

// decode reads the request's document.
func (q *query) decode() {
	var in struct {
		TableName                 string
		Key, Item                 map[string]attribute
		ConditionExpression       string
		ExpressionAttributeNames  map[string]string
		ExpressionAttributeValues map[string]attribute
	}
	if json.Unmarshal([]byte(q.body), &in) != nil {
		return
	}
	q.table, q.id, q.item, q.condition = in.TableName, in.Key["LockID"].S+in.Item["LockID"].S, in.Item, in.ConditionExpression
	q.names, q.values = in.ExpressionAttributeNames, in.ExpressionAttributeValues
}

func (a *Amazon) dynamo(w http.ResponseWriter, q *query) {
	now, there := a.items[q.id]
	switch {
	case q.table != a.table:
		q.refuse(w, 0, "", "ResourceNotFoundException", "Requested resource not found")
		return
	case q.id == "":
		q.refuse(w, 0, "", "ValidationException", "One of the required keys was not given a value")
		return
	case q.condition == "attribute_not_exists(LockID)" && there,
		q.condition == "#a = :mine" && now[q.names["#a"]] != q.values[":mine"]:
		q.refuse(w, 0, "", "ConditionalCheckFailedException", "The conditional request failed")
		return
	}
	answer := map[string]any{}
	switch q.operation {
	case "GetItem":
		if there {
			answer["Item"] = now
		}
	case "PutItem":
		a.items[q.id] = q.item
	case "DeleteItem":
		delete(a.items, q.id)
	default:
		q.refuse(w, 0, "", "UnknownOperationException", "this stand-in does not know it")
		return
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // texts in maps
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(text)), 10))
	_, _ = w.Write(text) // to a connection that the client may have closed
}
