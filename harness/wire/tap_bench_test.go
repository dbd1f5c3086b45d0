package wire

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// talkOf gives the frames of some connections that are open at once: openings,
// then records of TLS in segments of a size, client and server in turns. Of a
// hundred segments one comes late, and one twice.
func talkOf(flows, segments, size int) []Frame {
	r := rand.New(rand.NewPCG(1, 2))
	var all []Frame
	add := func(b []byte) { all = append(all, Frame{At: time.Unix(5, 6), Ether: etherIPv4, Data: b}) }
	body := record(size - recordHead)
	for f := range flows {
		client := fmt.Sprintf("10.0.0.1:%d", 40000+f)
		add(tcp(client, aServer, 99, flagSYN, ""))
		add(tcp(aServer, client, 99, flagSYN|flagACK, ""))
	}
	for s := range segments {
		for f := range flows {
			from, to := fmt.Sprintf("10.0.0.1:%d", 40000+f), aServer
			if s%2 == 1 {
				from, to = to, from
			}
			add(tcp(from, to, uint32(100+s/2*size), flagACK, string(body)))
			switch last := len(all) - 1; r.IntN(100) {
			case 0: // it changes places with one of before
				if earlier := last - 2*flows; earlier > 2*flows {
					all[last], all[earlier] = all[earlier], all[last]
				}
			case 1:
				all = append(all, all[last])
			}
		}
	}
	return all
}

func BenchmarkTap(b *testing.B) {
	markers := map[string]string{"row": "markOFAROWTHATMUSTNOTBESEEN", "password": "aPASSWORDTHATMUSTNOTBESEENEITHER", "key": "KEYOFACERTIFICATE"}
	for _, size := range []int{100, 1448, 16000} {
		b.Run(fmt.Sprintf("segments of %d", size), func(b *testing.B) {
			all := talkOf(8, 2000*1448/(1448+size), size)
			for b.Loop() {
				tap := NewTap(markers)
				for _, f := range all {
					tap.Add(f)
				}
				if c := tap.Report(); len(c.Flows) != 8 || c.Flows[0].Up.Missed+c.Flows[0].Up.Clear > 0 {
					b.Fatal(c.Flows[0])
				}
			}
			b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}
