package soak

import (
	"context"
	"sync"
	"time"
)

// load sends the requests of a run.
type load struct {
	vault   *vault
	servers *servers
	tally   *tally
	running context.Context // until the last request begins
	ctx     context.Context // of the requests: those that wait at the end are waited for
	senders sync.WaitGroup
}

// task is what is done again and again, with a number that counts on. Up to `workers` of it are done at the
// same time, where that takes longer than the interval.
type task struct {
	every   time.Duration
	workers int
	do      func(l *load, n int)
}

// start begins all tasks, which do not begin together.
func (l *load) start(tasks []task) {
	for i, t := range tasks {
		for worker := range t.workers {
			phase := t.every*time.Duration(worker) + t.every*time.Duration(i)/time.Duration(len(tasks))
			l.senders.Go(func() { l.repeat(t, worker, phase) })
		}
	}
}

// repeat does a worker's share of a task until the run is over.
func (l *load) repeat(t task, worker int, phase time.Duration) {
	timer := time.NewTimer(phase)
	defer timer.Stop()
	select {
	case <-l.running.Done():
		return
	case <-timer.C:
	}
	ticker := time.NewTicker(t.every * time.Duration(t.workers))
	defer ticker.Stop()
	for n := worker; ; n += t.workers {
		t.do(l, n)
		select {
		case <-l.running.Done():
			return
		case <-ticker.C:
		}
	}
}

// measure makes a request of a kind, counts it, and reports whether it went as it had to. Requests that the
// end of the run has cut off do not count.
func (l *load) measure(k kind, request func() error) bool {
	begun := time.Now()
	err := request()
	if err != nil && l.ctx.Err() != nil {
		return false
	}
	l.tally.record(k, begun, time.Now(), err)
	return err == nil
}

// tasks are the mixed load, some hundred requests a second: a third of what two processors can do.
func tasks() []task {
	return []task{
		{every: 250 * time.Millisecond, workers: 4, do: login(papGroup)},
		{every: 330 * time.Millisecond, workers: 4, do: login(chapGroup)},
		{every: 330 * time.Millisecond, workers: 4, do: login(mschapGroup)},
		{every: 330 * time.Millisecond, workers: 4, do: login(radsecGroup)},
		{every: 330 * time.Millisecond, workers: 16, do: login(failoverGroup)},
		{every: 500 * time.Millisecond, workers: 12, do: login(restartedGroup)},
		{every: 250 * time.Millisecond, workers: 4, do: login(forgedGroup)},
		{every: 330 * time.Millisecond, workers: 4, do: login(directoryGroup)},
		{every: 200 * time.Millisecond, workers: 4, do: login(localGroup)},
		{every: 500 * time.Millisecond, workers: 4, do: login(argon2Group)},
		{every: 500 * time.Millisecond, workers: 4, do: (*load).loginWithCode},
		{every: 500 * time.Millisecond, workers: 4, do: (*load).wrongPassword},
		{every: time.Second, workers: 4, do: (*load).strangerAtForging},

		{every: 200 * time.Millisecond, workers: 4, do: (*load).authorize},
		{every: 500 * time.Millisecond, workers: 4, do: (*load).authorizeWrongPassword},
		{every: 500 * time.Millisecond, workers: 4, do: postauth(mount, "Vault")},
		{every: 500 * time.Millisecond, workers: 4, do: postauth(sqlMount, "PostgreSQL")},
		{every: 250 * time.Millisecond, workers: sessionsAtOnce, do: account(mount, "Vault")},
		{every: 250 * time.Millisecond, workers: sessionsAtOnce, do: account(sqlMount, "PostgreSQL")},
		{every: 5 * time.Second, workers: 1, do: (*load).restartOfNAS},

		{every: 2 * time.Second, workers: 1, do: (*load).writeConfig},
		{every: 5 * time.Second, workers: 1, do: (*load).writeStore},
		{every: 2 * time.Second, workers: 1, do: (*load).writeSource},
		{every: 2 * time.Second, workers: 1, do: (*load).passSource},
		{every: time.Second, workers: 1, do: (*load).writeProfile},
		{every: 2 * time.Second, workers: 1, do: (*load).passProfile},
		{every: 500 * time.Millisecond, workers: 2, do: (*load).writeUser},
		{every: 2 * time.Second, workers: 1, do: (*load).changePassword},
		{every: 5 * time.Second, workers: 1, do: (*load).batch},

		{every: time.Second, workers: 1, do: read("status", http200)},
		{every: time.Second, workers: 1, do: read("attempts?limit=20", http200)},
		{every: time.Second, workers: 1, do: read("freeradius/accounting?is_open=true", http200)},
		{every: 500 * time.Millisecond, workers: 2, do: (*load).listUsers},
		{every: 250 * time.Millisecond, workers: 2, do: (*load).lookUpToken},
	}
}
