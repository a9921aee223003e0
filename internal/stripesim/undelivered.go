package stripesim

// Undelivered answers how many parcels are still on their way: sent, waiting for a
// further attempt or held back. Lost ones and those given up are not.
func (s *Sim) Undelivered() (n int) {
	s.live(func() { n = len(s.courier.parcels) })
	return n
}
