package stripesim

// eventFilters are the filters of GET /v1/events.
var eventFilters = fields{
	"type": text(255), "types": arrayOf(text(255)), "created": timeRange(),
}

// eventLife is how long Stripe keeps events: 30 days.
// https://docs.stripe.com/api/events
const eventLife = 30 * 24 * 60 * 60

// emit is the only place where events are made. The event holds the object as
// it is now and never changes again; was is nil but for updates. That an event
// of a test clock is dated by the account's own time is assumed.
func (s *Sim) emit(typ string, o, was object) {
	if _, unmade := s.faults.draw(typ, s.about(o), EventUnmade); unmade {
		return
	}
	data := object{"object": s.shown(o)}
	if was != nil {
		data["previous_attributes"] = was
	}
	e := s.add("event", object{
		"type":        typ,
		"api_version": APIVersion,
		"data":        data,
		"request":     object{"id": orNull(s.cause.request), "idempotency_key": orNull(s.cause.key)},
	})
	if s.frozen != "" {
		e["created"] = s.wall.Unix()
	}
	s.address(e)
}
