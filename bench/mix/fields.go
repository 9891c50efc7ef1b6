package mix

import (
	"fmt"
	"strconv"
	"strings"
)

// The sizes of the pools that fields are drawn from: a site with some hundred
// clients that connect to many servers, to a few of them most of the time.
const (
	clients = 500
	servers = 1500
	people  = 120
)

// fieldFuncs are the fields that templates know.
//
//	%{bsd} %{asa} %{iso} %{pan} %{snare}  header times
//	%{marker}        the sequence marker
//	%{pick a|b|c}  one of these; repeat a word to make it likelier
//	%{same NAME a|b|c}  like pick, but the same in all of the message
//	%{n LO HI}     a whole number
//	%{near LO HI}  a whole number, small ones far likelier
//	%{digits N}    N decimal digits; %{hex N} N hexadecimal ones
//	%{lan} %{wan} %{mac} %{user} %{sport} %{dport}  the same in all of the message
func fieldFuncs() map[string]fieldFunc {
	m := map[string]fieldFunc{
		"marker": (*painter).putMarker,
		"pick":   (*painter).pick,
		"same":   (*painter).same,
		"n":      (*painter).number,
		"near":   (*painter).near,
		"digits": func(p *painter, n string) { p.random("0123456789", n) },
		"hex":    func(p *painter, n string) { p.random("0123456789abcdef", n) },
		"lan":    func(p *painter, _ string) { p.once("lan", p.lan) },
		"wan":    func(p *painter, _ string) { p.once("wan", p.wan) },
		"mac":    func(p *painter, _ string) { p.once("mac", p.mac) },
		"user":   func(p *painter, _ string) { p.once("user", p.user) },
		"sport":  func(p *painter, _ string) { p.once("sport", p.sport) },
		"dport":  func(p *painter, _ string) { p.once("dport", p.dport) },
	}
	for name, layout := range layouts {
		m[name] = func(p *painter, _ string) { p.stamp(layout) }
	}
	return m
}

func (p *painter) pick(arg string) {
	p.out = append(p.out, p.oneOf(strings.Split(arg, "|"))...)
}

func (p *painter) same(arg string) {
	name, list, _ := strings.Cut(arg, " ")
	p.once("same "+name, func() string { return p.oneOf(strings.Split(list, "|")) })
}

func (p *painter) oneOf(list []string) string { return list[p.rng.IntN(len(list))] }

func (p *painter) number(arg string) {
	lo, hi := bounds(arg)
	p.out = strconv.AppendInt(p.out, lo+p.rng.Int64N(hi-lo+1), 10)
}

func (p *painter) near(arg string) {
	lo, hi := bounds(arg)
	f := p.rng.Float64()
	p.out = strconv.AppendInt(p.out, lo+int64(f*f*f*float64(hi-lo)), 10)
}

// bounds reads "LO HI". The templates are constants and a test renders them all, so
// a bad one reads as 0.
func bounds(arg string) (lo, hi int64) {
	a, b, _ := strings.Cut(arg, " ")
	lo, _ = strconv.ParseInt(a, 10, 64)
	hi, _ = strconv.ParseInt(b, 10, 64)
	return lo, max(lo, hi)
}

func (p *painter) random(alphabet, count string) {
	n, _ := strconv.Atoi(count)
	for range n {
		p.out = append(p.out, alphabet[p.rng.IntN(len(alphabet))])
	}
}

// skewed draws from 0 to n-1 so that low numbers are likelier, as the busy clients
// and servers of a network are.
func (p *painter) skewed(n int) int {
	f := p.rng.Float64()
	return int(f * f * float64(n))
}

func (p *painter) lan() string {
	i := p.skewed(clients)
	return fmt.Sprintf("10.20.%d.%d", 10*(1+i%6), 11+i*7%240)
}

func (p *painter) wan() string {
	i := p.skewed(servers)
	return fmt.Sprintf("%d.%d.%d.%d", 23+i*31%180, i*57%250, i*91%250, 1+i*113%250)
}

func (p *painter) mac() string {
	i := p.skewed(clients)
	return fmt.Sprintf("3c:22:fb:%02x:%02x:%02x", i*29%256, i*71%256, i*151%256)
}

func (p *painter) user() string {
	first := []string{"a.meyer", "j.novak", "svc-backup", "m.rossi", "k.lindqvist", "t.okafor", "deploy", "s.dubois"}
	i := p.skewed(people)
	if i < len(first) {
		return first[i]
	}
	return fmt.Sprintf("u%05d", 10412+i*37)
}

func (p *painter) sport() string { return strconv.Itoa(32768 + p.rng.IntN(28232)) }

func (p *painter) dport() string {
	return p.oneOf([]string{"443", "443", "443", "443", "443", "53", "53", "80", "123", "22", "8443", "3389"})
}
