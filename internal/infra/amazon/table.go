package amazon

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Table is a DynamoDB table with the key LockID, as Terraform wants it.
type Table struct {
	account *Account
	name    string
}

// Table gives a table by its name.
func (a *Account) Table(name string) *Table { return &Table{account: a, name: name} }

// Name is the table's.
func (t *Table) Name() string { return t.name }

const lockID = "LockID"

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// Get reads an attribute of an item. The error is ErrMissing if there is no such item or
// attribute.
func (t *Table) Get(ctx context.Context, id, attribute string) (string, error) {
	ctx, cancel := t.account.bound(ctx)
	defer cancel()
	out, err := t.account.dynamo.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true), Key: map[string]types.AttributeValue{lockID: text(id)},
	})
	if err != nil {
		return "", fail(err, "read item %s of DynamoDB table %s", id, t.name)
	}
	if s, ok := out.Item[attribute].(*types.AttributeValueMemberS); ok {
		return s.Value, nil
	}
	return "", &failure{what: "read item " + id + " of DynamoDB table " + t.name, kind: ErrMissing, err: ErrMissing}
}

// Create writes an item with one attribute. The error is ErrConflict if there is one.
func (t *Table) Create(ctx context.Context, id, attribute, value string) error {
	ctx, cancel := t.account.bound(ctx)
	defer cancel()
	_, err := t.account.dynamo.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, ConditionExpression: aws.String("attribute_not_exists(LockID)"),
		Item: map[string]types.AttributeValue{lockID: text(id), attribute: text(value)},
	})
	return fail(err, "write item %s of DynamoDB table %s", id, t.name)
}

// Delete deletes the item whose attribute has the value. The error is ErrConflict if it
// has another one, or does not exist.
func (t *Table) Delete(ctx context.Context, id, attribute, value string) error {
	ctx, cancel := t.account.bound(ctx)
	defer cancel()
	_, err := t.account.dynamo.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &t.name, Key: map[string]types.AttributeValue{lockID: text(id)},
		ConditionExpression: aws.String("#a = :mine"), ExpressionAttributeNames: map[string]string{"#a": attribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{":mine": text(value)},
	})
	return fail(err, "delete item %s of DynamoDB table %s", id, t.name)
}
