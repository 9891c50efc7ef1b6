package amazon

import (
	"encoding/json"
	"slices"
	"strings"
)

// Right is what an IAM policy has to allow.
type Right struct {
	Actions  []string // s3:GetObject, …
	Resource string   // ARN; * stands for anything
	KMSAlias string   // of a key that is known by its alias alone; then Resource is *
}

// Policy is the IAM policy that allows the rights, on one line.
func Policy(rights []Right) string {
	type statement struct {
		Effect    string
		Action    []string
		Resource  string
		Condition map[string]map[string]string `json:",omitempty"`
	}
	policy := struct {
		Version   string
		Statement []statement
	}{Version: "2012-10-17"} // of the language of policies
	at := make(map[string]int) // statements by what they are about
	for _, r := range rights {
		if i, there := at[r.Resource+r.KMSAlias]; there {
			policy.Statement[i].Action = append(slices.Clone(policy.Statement[i].Action), r.Actions...)
			continue
		}
		at[r.Resource+r.KMSAlias] = len(policy.Statement)
		s := statement{Effect: "Allow", Action: r.Actions, Resource: r.Resource}
		if r.KMSAlias != "" {
			s.Condition = map[string]map[string]string{"ForAnyValue:StringEquals": {"kms:ResourceAliases": r.KMSAlias}}
		}
		policy.Statement = append(policy.Statement, s)
	}
	text, err := json.Marshal(policy)
	if err != nil {
		return "" // texts in structs
	}
	return string(text)
}

// arn names a resource of a service in this account; region and account are left out where
// the service wants that.
func (a *Account) arn(service, rest string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(a.conf.Region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(a.conf.Region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":" + service + ":" + rest
}

// Right is that of actions on an object; "" is the bucket.
func (b *Bucket) Right(key string, actions ...string) Right {
	if key != "" {
		key = "/" + key
	}
	return Right{Actions: actions, Resource: b.account.arn("s3", "::"+b.name+key)}
}

// KeyRights are those on the KMS key that encrypts what is written; none without one.
func (b *Bucket) KeyRights() []Right {
	key := b.encryption.KMSKey
	if !b.encryption.On || key == "" {
		return nil
	}
	r := Right{Actions: []string{"kms:GenerateDataKey", "kms:Decrypt"}, Resource: key}
	switch {
	case strings.HasPrefix(key, "alias/"):
		r.Resource, r.KMSAlias = "*", key
	case !strings.HasPrefix(key, "arn:"):
		r.Resource = b.account.arn("kms", b.account.conf.Region+":*:key/"+key)
	}
	return []Right{r}
}

// Right is that of actions on the table's items.
func (t *Table) Right(actions ...string) Right {
	return Right{Actions: actions, Resource: t.account.arn("dynamodb", t.account.conf.Region+":*:table/"+t.name)}
}

// Rights are those that reading the zone and changing its records need.
func (z *HostedZone) Rights() []Right {
	return []Right{
		{Actions: []string{"route53:GetHostedZone", "route53:ListResourceRecordSets", "route53:ChangeResourceRecordSets"},
			Resource: z.account.arn("route53", "::hostedzone/"+z.id)},
		{Actions: []string{"route53:GetChange"}, Resource: z.account.arn("route53", "::change/*")},
	}
}
