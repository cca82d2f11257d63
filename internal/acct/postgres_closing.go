package acct

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// closing returns the statements that do in SQL what closeSilent and closeRestarted do: a
// NAS may have thousands of sessions.
type closing struct {
	hasAdded bool // whether there are columns for the times of this server's clock

	latest    string // the time of the latest packet, by the clock of the NAS
	heard     string // when it was heard
	heardStop string // when the end was heard
}

func newClosing(hasAdded bool) closing {
	c := closing{
		hasAdded: hasAdded,
		latest:   "GREATEST(acctupdatetime, acctstarttime)",
		heard:    "COALESCE(acctupdatetime, acctstarttime)", heardStop: "acctstoptime",
	}
	if hasAdded {
		c.heard, c.heardStop = "COALESCE(heardupdatetime, acctupdatetime, acctstarttime)", "COALESCE(heardstoptime, acctstoptime)"
	}
	return c
}

// ahead is how far the clock of a NAS may be ahead: maxDelay. There are indexes for its
// times, and none for those of this server's clock.
const ahead = "interval '24 hours'"

// ofNAS returns the statement for a restart: $1 and $2 its times by both clocks, $3 cause,
// $4 address, $5 NAS-Identifier, $6 station, $7 how many. Names that one of the two lacks
// are not compared.
func (c closing) ofNAS() string {
	byIdentifier := "WHEN $5::text IS NULL THEN true" // it never is
	if c.hasAdded {
		byIdentifier = "WHEN $5::text <> '' AND nasidentifier <> '' THEN nasidentifier = $5"
	}
	names := "CASE " + byIdentifier + " WHEN $6 <> '' AND calledstationid <> '' THEN calledstationid ~* $6 ELSE true END"
	byNAS := secondsOf("$1::timestamptz - " + c.latest)
	byUs := secondsOf("$2::timestamptz - " + c.heard)
	least, most := "0", inSeconds(maxDelay)
	if c.hasAdded {
		least = fmt.Sprintf("CASE WHEN heardupdatetime IS NULL THEN 0 ELSE GREATEST(0, %s - %s) END", byUs, inSeconds(promptly))
		most = fmt.Sprintf("CASE WHEN heardupdatetime IS NULL THEN %s ELSE %s END", most, inSeconds(repeatedFor))
	}
	end := fmt.Sprintf(`CASE WHEN %[1]s BETWEEN %[2]s AND %[3]s + %[4]s THEN $1::timestamptz
		ELSE %[5]s + make_interval(secs => GREATEST(0, %[3]s)) END`, byNAS, least, byUs, most, c.latest)
	isDue := c.heard + " <= $2"
	return c.statement(end, "$2::timestamptz", "$3", guessRestart, isDue,
		fmt.Sprintf("nasipaddress = $4 AND acctstoptime IS NULL AND %s AND %s LIMIT $7", isDue, names))
}

// stale returns the statement for sessions of which nothing was heard since $1: $2 cause, $3 how many.
func (c closing) stale() string {
	isDue := c.heard + " < $1"
	return c.statement(c.latest, c.heard, "$2", guessSilence, isDue,
		fmt.Sprintf("acctstoptime IS NULL AND acctstarttime < $1::timestamptz + %s AND %s LIMIT $3", ahead, isDue))
}

// statement returns what closes the sessions that are chosen, and still due.
func (c closing) statement(end, heardStop, cause string, why guess, isDue, chosen string) string {
	mark := ""
	if c.hasAdded {
		mark = fmt.Sprintf(", heardstoptime = due.heard, guessedstop = '%s', toldsessiontime = acctsessiontime", why)
	}
	lasted := wholeSeconds("due.ended - acctstarttime")
	reported := "CASE WHEN acctsessiontime > 0 THEN acctsessiontime + " + wholeSeconds("due.ended - acctupdatetime") + " END"
	return fmt.Sprintf(`UPDATE radacct SET acctstoptime = due.ended, acctterminatecause = %s,
		acctsessiontime = GREATEST(acctsessiontime, 0, LEAST(%s, %s))%s
		FROM (SELECT radacctid AS id, %s AS ended, %s AS heard FROM radacct WHERE %s) due
		WHERE radacctid = due.id AND acctstoptime IS NULL AND %s`, cause, lasted, reported, mark, end, heardStop, chosen, isDue)
}

// deletion returns the statement for sessions whose end was heard before $1, $2 of them.
func (c closing) deletion() string {
	return fmt.Sprintf(`DELETE FROM radacct WHERE %[1]s < $1 AND radacctid IN (
		SELECT radacctid FROM radacct WHERE acctstarttime < $1::timestamptz + %[2]s AND acctstoptime IS NOT NULL AND %[1]s < $1
		ORDER BY acctstarttime LIMIT $2)`,
		c.heardStop, ahead)
}

func secondsOf(interval string) string { return "extract(epoch FROM " + interval + ")" }

func inSeconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// wholeSeconds does in SQL what secondsFrom does.
func wholeSeconds(interval string) string {
	return "GREATEST(0, floor(extract(epoch FROM " + interval + ")))::bigint"
}

// CloseNAS implements Store.
func (s *PostgresStore) CloseNAS(ctx context.Context, x Restart) error {
	station := ""
	if x.CalledStationID != "" {
		station = x.station()
	}
	for {
		closed, err := withSchemaSlowly(ctx, s, func(ctx context.Context, conn querier, sc *schema) (int, error) {
			return execCount(ctx, conn, sc.closeOfNAS, x.Time.Time, x.Heard.Time, sc.cause(x.Cause),
				x.NASAddress.String(), x.NASIdentifier, station, batch)
		})
		if err != nil || closed < batch {
			return err
		}
	}
}
