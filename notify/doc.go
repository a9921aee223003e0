// Package notify is how news is delivered: the job client and outgoing mail. It
// decides neither what is told nor to whom; the room that owns a fact owns the job
// that tells it.
package notify
