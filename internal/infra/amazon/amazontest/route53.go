package amazontest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// namespace is that of all documents of Route 53.
const namespace = "https://route53.amazonaws.com/doc/2013-04-01/"

// hostedZone is a zone of Route 53.
type hostedZone struct {
	name string // with a final dot
	sets []Set
}

// Set is a set of records as Route 53 shows it: the name ends with a dot and is escaped.
type Set struct {
	Name          string
	Type          string
	SetIdentifier string  `xml:",omitempty"`
	TTL           int64   `xml:",omitempty"`
	Values        []Value `xml:"ResourceRecords>ResourceRecord"`
	Alias         *Alias  `xml:"AliasTarget,omitempty"`
}

// Value is one value of a set.
type Value struct{ Value string }

// Values makes values of texts.
func Values(texts ...string) []Value {
	var all []Value
	for _, t := range texts {
		all = append(all, Value{t})
	}
	return all
}

// Texts gives the values of a set, sorted.
func (s Set) Texts() []string {
	var all []string
	for _, v := range s.Values {
		all = append(all, v.Value)
	}
	slices.Sort(all)
	return all
}

// Alias is what a set without values leads to.
type Alias struct{ DNSName string }

// Route53 is how the zones behave. Its fields are set before requests come.
type Route53 struct {
	Page    int                        // sets in one answer; 0: 300
	Pending int                        // how often a change is asked for before it is in sync
	Changed func(action string, s Set) // called for each record that was changed; optional
	zones   map[string]*hostedZone     // by ID
	waiting map[string]int             // by ID of the change
}

// AddZone adds a zone, such as Z1 example.com.
func (a *Amazon) AddZone(id, name string, sets ...Set) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.Route53.zones == nil {
		a.Route53.zones, a.Route53.waiting = map[string]*hostedZone{}, map[string]int{}
	}
	soa := Set{Name: name + ".", Type: "SOA", TTL: 900, Values: Values("ns.example. host.example. 1 7200 900 1209600 86400")}
	a.Route53.zones[id] = &hostedZone{name: name + ".", sets: append([]Set{soa}, sets...)}
}

// Sets gives the records of a zone as NAME TYPE TTL VALUES, sorted, without SOA.
func (a *Amazon) Sets(id string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, s := range a.Route53.zones[id].sets {
		if s.Type != "SOA" {
			all = append(all, fmt.Sprintf("%s %s %d %s", s.Name, s.Type, s.TTL, strings.Join(s.Texts(), ",")))
		}
	}
	slices.Sort(all)
	return all
}

// SetRecord puts a set of records in place of the one of its name and type; without
// values and alias it removes that one.
func (a *Amazon) SetRecord(id string, s Set) {
	a.mu.Lock()
	defer a.mu.Unlock()
	z := a.Route53.zones[id]
	z.sets = slices.DeleteFunc(z.sets, func(o Set) bool { return o.Name == s.Name && o.Type == s.Type })
	if len(s.Values) > 0 || s.Alias != nil {
		z.sets = append(z.sets, s)
	}
}

// route53 is a request: /2013-04-01/hostedzone/ID/rrset, /2013-04-01/change/ID.
func (q *query) route53() bool {
	rest, ok := strings.CutPrefix(q.path, "2013-04-01/")
	if !ok {
		return false
	}
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	switch {
	case parts[0] == "change" && len(parts) == 2:
		q.route, q.id = "GetChange", parts[1]
	case parts[0] == "hostedzone" && len(parts) == 1:
		q.route = "ListHostedZones"
	case parts[0] == "hostedzone" && len(parts) == 2:
		q.route, q.id = "GetHostedZone", parts[1]
	case parts[0] == "hostedzone" && len(parts) == 3 && parts[2] == "rrset" && q.r.Method == http.MethodPost:
		q.route, q.id = "ChangeResourceRecordSets", parts[1]
	case parts[0] == "hostedzone" && len(parts) == 3 && parts[2] == "rrset":
		q.route, q.id = "ListResourceRecordSets", parts[1]
	default:
		q.route = "Unknown"
	}
	q.name = q.route + " " + q.id
	return true
}

func answerXML(w http.ResponseWriter, status int, document any) {
	text, err := xml.Marshal(document)
	if err != nil {
		panic(err) // texts in structs
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), text...)) // to a connection that the client may have closed
}

// refuse53 answers with an error in the form of Route 53.
func refuse53(w http.ResponseWriter, status int, code, says string) {
	type problem struct{ Type, Code, Message string }
	answerXML(w, status, struct {
		XMLName   xml.Name
		Error     problem
		RequestId string //nolint:revive,staticcheck // Route 53's word
	}{xml.Name{Space: namespace, Local: "ErrorResponse"}, problem{"Sender", code, says}, "r-1"})
}

func (a *Amazon) serve53(w http.ResponseWriter, q *query) {
	if q.route == "GetChange" {
		left, known := a.Route53.waiting[q.id]
		if !known {
			refuse53(w, http.StatusNotFound, "NoSuchChange", "A change with the specified change ID does not exist.")
			return
		}
		status := "PENDING"
		if left--; left < 0 {
			status = "INSYNC"
		}
		a.Route53.waiting[q.id] = left
		a.answerChange(w, "GetChangeResponse", q.id, status)
		return
	}
	if q.route == "ListHostedZones" {
		a.listZones(w)
		return
	}
	z := a.Route53.zones[q.id]
	switch {
	case z == nil:
		refuse53(w, http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID: "+q.id)
	case q.route == "GetHostedZone":
		answerXML(w, http.StatusOK, struct {
			XMLName    xml.Name
			HostedZone zoneEntry
		}{xml.Name{Space: namespace, Local: "GetHostedZoneResponse"}, zoneEntry{"/hostedzone/" + q.id, z.name, "x", false}})
	case q.route == "ListResourceRecordSets":
		a.listSets(w, q, z)
	case q.route == "ChangeResourceRecordSets":
		a.changeSets(w, q, z)
	default:
		refuse53(w, http.StatusBadRequest, "InvalidInput", "this stand-in does not know it")
	}
}

// zoneEntry is what Route 53 says about a zone.
type zoneEntry struct {
	Id, Name, CallerReference string //nolint:revive,staticcheck // Route 53's words
	Private                   bool   `xml:"Config>PrivateZone"`
}

func (a *Amazon) listZones(w http.ResponseWriter) {
	var all []zoneEntry
	for id, z := range a.Route53.zones {
		all = append(all, zoneEntry{"/hostedzone/" + id, z.name, "x", false})
	}
	answerXML(w, http.StatusOK, struct {
		XMLName     xml.Name
		Zones       []zoneEntry `xml:"HostedZones>HostedZone"`
		IsTruncated bool
		MaxItems    int
	}{xml.Name{Space: namespace, Local: "ListHostedZonesResponse"}, all, false, 100})
}

// listSets answers from a name and type on, in order of the reversed labels.
func (a *Amazon) listSets(w http.ResponseWriter, q *query, z *hostedZone) {
	key := func(name, kind string) string {
		labels := strings.Split(strings.TrimSuffix(name, "."), ".")
		slices.Reverse(labels)
		return strings.Join(labels, "\x01") + "\x00" + kind
	}
	sets := slices.Clone(z.sets)
	slices.SortFunc(sets, func(x, y Set) int { return strings.Compare(key(x.Name, x.Type), key(y.Name, y.Type)) })
	if from := q.r.URL.Query().Get("name"); from != "" {
		from = key(escape(from), q.r.URL.Query().Get("type"))
		sets = slices.DeleteFunc(sets, func(s Set) bool { return key(s.Name, s.Type) < from })
	}
	page := a.Route53.Page
	if page == 0 {
		page = 300
	}
	answer := struct {
		XMLName        xml.Name
		Sets           []Set `xml:"ResourceRecordSets>ResourceRecordSet"`
		IsTruncated    bool
		NextRecordName string `xml:",omitempty"`
		NextRecordType string `xml:",omitempty"`
		MaxItems       int
	}{XMLName: xml.Name{Space: namespace, Local: "ListResourceRecordSetsResponse"}, Sets: sets, MaxItems: page}
	if len(sets) > page {
		answer.Sets, answer.IsTruncated = sets[:page], true
		answer.NextRecordName, answer.NextRecordType = sets[page].Name, sets[page].Type
	}
	answerXML(w, http.StatusOK, answer)
}

// escape writes a name as Route 53 shows it.
func escape(name string) string {
	if !strings.HasSuffix(name, ".") {
		name += "."
	}
	return strings.ReplaceAll(strings.ToLower(name), "*", `\052`)
}

func (a *Amazon) changeSets(w http.ResponseWriter, q *query, z *hostedZone) {
	var in struct {
		XMLName xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ChangeResourceRecordSetsRequest"`
		Changes []struct {
			Action            string
			ResourceRecordSet Set
		} `xml:"ChangeBatch>Changes>Change"`
	}
	if err := xml.Unmarshal([]byte(q.body), &in); err != nil || len(in.Changes) == 0 {
		refuse53(w, http.StatusBadRequest, "InvalidInput", fmt.Sprintf("Invalid XML: %v", err))
		return
	}
	next := slices.Clone(z.sets)
	var wrong []string
	for _, c := range in.Changes {
		s := c.ResourceRecordSet
		s.Name = escape(s.Name)
		i := slices.IndexFunc(next, func(o Set) bool { return o.Name == s.Name && o.Type == s.Type })
		name := fmt.Sprintf("[name='%s', type='%s']", s.Name, s.Type)
		switch {
		case s.Name != z.name && !strings.HasSuffix(s.Name, "."+z.name):
			wrong = append(wrong, fmt.Sprintf("RRSet with DNS name %s is not permitted in zone %s", s.Name, z.name))
		case len(s.Values) == 0 || s.TTL == 0:
			wrong = append(wrong, "Missing field in Change with "+name)
		case c.Action == "CREATE" && i >= 0:
			wrong = append(wrong, "Tried to create resource record set "+name+" but it already exists")
		case c.Action == "DELETE" && i < 0:
			wrong = append(wrong, "Tried to delete resource record set "+name+" but it was not found")
		case c.Action == "DELETE" && (!slices.Equal(next[i].Texts(), s.Texts()) || next[i].TTL != s.TTL):
			wrong = append(wrong, "Tried to delete resource record set "+name+" but the values provided do not match the current values")
		case c.Action == "DELETE":
			next = slices.Delete(next, i, i+1)
		case c.Action == "UPSERT" && i >= 0:
			next[i] = s
		default:
			next = append(next, s)
		}
	}
	for _, s := range next {
		if s.Type == "CNAME" && slices.ContainsFunc(next, func(o Set) bool { return o.Name == s.Name && o.Type != "CNAME" }) {
			wrong = append(wrong, fmt.Sprintf("RRSet of type CNAME with DNS name %s is not permitted as it conflicts with other records", s.Name))
		}
	}
	if len(wrong) > 0 {
		answerXML(w, http.StatusBadRequest, struct {
			XMLName   xml.Name
			Messages  []string `xml:"Messages>Message"`
			RequestId string   //nolint:revive,staticcheck // Route 53's word
		}{xml.Name{Space: namespace, Local: "InvalidChangeBatch"}, wrong, "r-1"})
		return
	}
	z.sets = next
	for _, c := range in.Changes {
		if a.Route53.Changed != nil {
			a.Route53.Changed(c.Action, c.ResourceRecordSet)
		}
	}
	a.made++
	id := "C" + strconv.Itoa(a.made)
	a.Route53.waiting[id] = a.Route53.Pending
	a.answerChange(w, "ChangeResourceRecordSetsResponse", id, "PENDING")
}

func (a *Amazon) answerChange(w http.ResponseWriter, document, id, status string) {
	type info struct{ Id, Status, SubmittedAt string } //nolint:revive,staticcheck // Route 53's words
	answerXML(w, http.StatusOK, struct {
		XMLName    xml.Name
		ChangeInfo info
	}{xml.Name{Space: namespace, Local: document}, info{"/change/" + id, status, "2026-01-02T03:04:05Z"}})
}
