package paywall

import (
	"strings"
	"sync"
)

// cache remembers whose verified tokens are, by the whole text of the token.
// Members in it are shared by all hits and never changed. It holds two
// generations of half the size each: a full young one becomes the old one, and
// what is used in the old one comes back. So it stays bounded without a list
// to maintain on every hit.
type cache struct {
	half       int
	mu         sync.RWMutex
	young, old map[string]*Member
}

func newCache(size int) *cache {
	return &cache{half: max(1, size/2), young: map[string]*Member{}}
}

func (c *cache) get(token string) *Member {
	c.mu.RLock()
	hit, aged := c.young[token], (*Member)(nil)
	if hit == nil {
		aged = c.old[token]
	}
	c.mu.RUnlock()
	if aged != nil {
		c.put(token, aged)
		return aged
	}
	return hit
}

func (c *cache) put(token string, m *Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[string]*Member, c.half)
	}
	c.young[strings.Clone(token)] = m // not the whole Cookie header that it was cut from
}

// len counts a token that is in both generations twice, and so is never more
// than the size.
func (c *cache) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}
