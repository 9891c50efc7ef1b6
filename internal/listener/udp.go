package listener

import (
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/listener/udp"
)

// newUDP makes the loops of all UDP ports. In each loop a port has a Batcher of its own, so
// that loops never wait for one another.
func (l *Listener) newUDP(o Options) *udp.Listener {
	var ports []udp.Port
	for _, s := range l.sources {
		if !s.has(ledger.UDP) {
			continue
		}
		network, address := s.bind("udp")
		ports = append(ports, udp.Port{
			Source: s.Name(), Network: network, Address: address, Number: s.options.Port, Buffer: s.options.ReceiveBuffer,
			NewReceiver: func() udp.Receiver { return ingest.NewDatagrams(s.Source, l.batchers.newBatcher(s, ledger.UDP)) },
		})
	}
	for i := range o.UDPLoops {
		h := &heartbeat{transport: ledger.UDP}
		h.wake = func() { l.udp.Wake(i) }
		l.udpBeats = append(l.udpBeats, h)
	}
	return udp.New(udp.Options{
		Ports: ports, Loops: o.UDPLoops, Store: o.Store, Inherited: o.Inherited, GiveUp: o.Ingest.Stop,
		Turned:   func(loop int) { l.udpBeats[loop].answer() },
		BindHint: func(address string, err error) string { return bindHint("udp", address, err) },
		Logger:   o.Logger,
	})
}
