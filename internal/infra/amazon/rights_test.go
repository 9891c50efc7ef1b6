package amazon

import (
	"testing"

	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/testkit"
)

// The names of resources in a policy, also of keys and in other partitions.
func TestRights(t *testing.T) {
	amazontest.Start(t).Setenv(t)
	for _, c := range []struct{ region, key, bucket, table, kms, alias string }{
		{"us-east-2", "", "arn:aws:s3:::b/k", "arn:aws:dynamodb:us-east-2:*:table/t", "", ""},
		{"us-gov-west-1", "1234-ab", "arn:aws-us-gov:s3:::b/k", "arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/t", "arn:aws-us-gov:kms:us-gov-west-1:*:key/1234-ab", ""},
		{"cn-north-1", "alias/x", "arn:aws-cn:s3:::b/k", "arn:aws-cn:dynamodb:cn-north-1:*:table/t", "*", "alias/x"},
		{"eu-west-1", "arn:aws:kms:eu-west-1:1:key/7", "arn:aws:s3:::b/k", "arn:aws:dynamodb:eu-west-1:*:table/t", "arn:aws:kms:eu-west-1:1:key/7", ""},
	} {
		a := testkit.Try(Open(t.Context(), Options{Region: c.region}))(t)
		b := a.Bucket("b", Encryption{On: true, KMSKey: c.key})
		testkit.Equal(t, "object", b.Right("k").Resource, c.bucket)
		testkit.Equal(t, "table", a.Table("t").Right().Resource, c.table)
		var key Right
		if all := b.KeyRights(); len(all) > 0 {
			key = all[0]
		}
		testkit.Equal(t, "key", key.Resource+" "+key.KMSAlias, c.kms+" "+c.alias)
	}
	testkit.Equal(t, "policy", Policy([]Right{{Actions: []string{"a:B"}, Resource: "r"}, {Actions: []string{"k:D"}, Resource: "*", KMSAlias: "alias/x"}, {Actions: []string{"a:C"}, Resource: "r"}}),
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["a:B","a:C"],"Resource":"r"},`+
			`{"Effect":"Allow","Action":["k:D"],"Resource":"*","Condition":{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/x"}}}]}`)
}
