package radclient

import (
	"context"
	"errors"
	"time"

	"layeh.com/radius"
)

// login is one call of Authenticate.
type login struct {
	credentials Credentials
	deadline    time.Time
}

// decide asks one endpoint after the other, until the login is decided or may not go on.
func (l *login) decide(ctx context.Context, remaining []*endpoint) (Verdict, error) {
	for {
		chosen, trial := l.pick(remaining)
		remaining = remove(remaining, chosen.endpoint)
		if len(remaining) > 0 && (trial || chosen.silent) && l.mayMove(chosen.endpoint) {
			return l.race(ctx, branch{chosen.endpoint, trial}, remaining)
		}
		verdict, err := l.ask(ctx, chosen.endpoint, remaining)
		if trial {
			chosen.trialEnded()
		}
		if err != nil && ctx.Err() != nil {
			chosen.server.counters.abandoned()
			return Verdict{}, err
		}
		chosen.server.counters.ended(verdict, err)
		if err == nil || len(remaining) == 0 || !mayGoOn(err) || !l.hasTime() {
			return verdict, err
		}
		chosen.server.counters.failedOver()
	}
}

// hasTime reports whether there is time to ask another endpoint.
func (l *login) hasTime() bool { return time.Now().Before(l.deadline) }

// ask sends the login to one endpoint and waits for the verdict. The others are
// where it could go on.
func (l *login) ask(ctx context.Context, e *endpoint, others []*endpoint) (Verdict, error) {
	for {
		x := l.exchange(ctx, e, others)
		if !errors.Is(x.err, errStale) || ctx.Err() != nil {
			return e.verdict(x)
		}
	}
}

// exchange sends the login once and waits until that has ended.
func (l *login) exchange(ctx context.Context, e *endpoint, others []*endpoint) *exchange {
	ctx, pushOut := context.WithCancelCause(ctx)
	defer pushOut(nil)
	ticket := e.admission.Enter(l.credentials.Share, pushOut)
	if ticket == nil {
		return &exchange{err: errFull}
	}
	defer e.admission.Leave(ticket)
	e.server.counters.entered()
	defer e.server.counters.left()
	ended := make(chan struct{}, 1)
	x := &exchange{
		deadline: l.deadline,
		copies:   e.plan(time.Until(l.deadline)),
		others:   others,
		compose:  func(at slot) (*request, error) { return e.newAccessRequest(l.credentials, at) },
		onDone:   func(*exchange) { ended <- struct{}{} },
	}
	e.observe((*health).sent)
	e.logins.carry(ctx, x)
	select {
	case <-ended:
	case <-ctx.Done():
		if x.conn != nil { // else it has ended without one
			x.conn.end(x, nil, context.Cause(ctx))
		}
		<-ended
	}
	e.loginEnded(x, ctx.Err() != nil)
	return x
}

// loginEnded learns from an exchange that has ended. stopped says whether the login was
// abandoned or pushed out.
func (e *endpoint) loginEnded(x *exchange, stopped bool) {
	e.server.counters.exchanged(x)
	switch {
	case x.packet != nil:
		e.trip.answered(x.waited, x.sends)
		e.observe((*health).answered)
		return
	case stopped, errors.Is(x.err, errPushedOut):
		// It says nothing of the server, also if there was no connection yet.
	case errors.Is(x.err, errNotDelivered), errors.Is(x.err, errConnectionLost):
		e.observe((*health).refused)
	case errors.Is(x.err, errSilence):
		e.server.expireLookup()
	}
	e.observe((*health).unanswered)
}

// verdict returns what the answer says, or why there is none.
func (e *endpoint) verdict(x *exchange) (Verdict, error) {
	host, port := e.server.config.Host, e.server.config.Port
	switch {
	case errors.Is(x.err, errFull), errors.Is(x.err, errPushedOut):
		return Verdict{}, &FullError{Host: host, Port: port, Sent: x.sends > 0}
	case x.packet == nil && (errors.Is(x.err, errSilence) || errors.Is(x.err, errServerDead) || errors.Is(x.err, errConnectionLost)):
		return Verdict{}, &NoAnswerError{
			Host:    host,
			Port:    port,
			Sends:   x.sends,
			Waited:  x.waited,
			Refused: x.refused,
			Drops:   x.drops.plus(x.strays),
			Dead:    errors.Is(x.err, errServerDead),
			Err:     x.networkFault(),
		}
	case x.packet == nil:
		return Verdict{}, e.server.unreachable(x.err)
	case x.packet.Code == radius.CodeAccessChallenge:
		e.server.challenges.Store(true)
	case x.packet.Code == codeProtocolError:
		return Verdict{}, &ProtocolError{Host: host, Port: port, Cause: integer(x.packet.Attributes, errorCause)}
	}
	return x.request.judge(checkServiceType(Verdict{
		Outcome:    outcomeOf(x.packet.Code),
		Attributes: x.packet.Attributes,
		Host:       e.server.name,
		Server:     e.name,
		Sends:      x.sends,
		Drops:      x.drops.plus(x.strays),
	})), nil
}

// mayGoOn reports whether a login that ended so may go on to another server: this one
// has not seen it, has not processed it, or is dead.
func mayGoOn(err error) bool {
	var noAnswer *NoAnswerError
	var full *FullError
	var unreachable *UnreachableError
	var protocol *ProtocolError
	switch {
	case errors.As(err, &full):
		return !full.Sent
	case errors.As(err, &noAnswer):
		return noAnswer.Dead
	case errors.As(err, &protocol):
		return protocol.notProcessed()
	}
	return errors.As(err, &unreachable)
}
