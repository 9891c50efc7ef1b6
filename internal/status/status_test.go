package status

import "testing"

// The room that is left must be there, on the disk as well.
func TestFree(t *testing.T) {
	for want, q := range map[int64]Queue{
		70: {CapacityBytes: 100, UsedBytes: 30, FreeDiskBytes: 1000, MinFreeBytes: 10},
		5:  {CapacityBytes: 100, UsedBytes: 30, FreeDiskBytes: 15, MinFreeBytes: 10},
		0:  {CapacityBytes: 100, UsedBytes: 30, FreeDiskBytes: 5, MinFreeBytes: 10},
		30: {CapacityBytes: 100, UsedBytes: 70}, // the disk is not known
	} {
		if got := q.Free(); got != want {
			t.Errorf("%+v has room for %d, want %d", q, got, want)
		}
	}
}
