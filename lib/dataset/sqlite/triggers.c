/* The counts that are kept in SQLite, of samples and for statistics (dataset/stats.h), and the triggers that keep them:
 * so that no way of changing samples, events and votes is left out. */
#include "dataset/sqlite/internal.h"

#include "dataset/rules.h"

/* --- states and labels -------------------------------------------------------------------------------------------- */

#define OF_STATE(sample) " WHERE kind = 'state' AND name = CAST(" sample ".state AS TEXT);"
#define OF_LABEL(sample) " WHERE kind = 'label' AND name = " sample ".label AND " sample ".label <> '';"
#define HAS_LABEL                                                                \
	" INSERT INTO counts SELECT 'label', NEW.label, 1 WHERE NEW.label <> ''" \
	" ON CONFLICT DO UPDATE SET n = n + 1;"

/* Instead of those of version 1, which looked each state up among all: a text is not compared with a number by an
 * index. Every state has its row. What our writes count themselves (tally.c) is left out; what remains is what people
 * do by hand, or a move does. Nobody asks how many samples lack a label. No count is NOT NULL: see OR_FAIL. */
const char counts_schema[] =
	"DROP TRIGGER samples_inserted;"
	"DROP TRIGGER samples_state;"
	"DROP TRIGGER samples_label;"
	"DROP TRIGGER samples_deleted;"
	"CREATE TABLE counts_5 (kind TEXT, name TEXT, n INTEGER, PRIMARY KEY (kind, name)) WITHOUT ROWID;"
	"INSERT INTO counts_5 SELECT kind, name, n FROM counts WHERE kind <> 'label' OR name <> '';"
	"DROP TABLE counts;"
	"ALTER TABLE samples ADD COLUMN tally_mark INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE counts_5 RENAME TO counts;"
	"INSERT OR IGNORE INTO counts VALUES ('state', 0, 0), ('state', 1, 0), ('state', 2, 0), ('state', 3, 0),"
	" ('state', 4, 0);"
	"CREATE TRIGGER samples_inserted AFTER INSERT ON samples WHEN NEW.tally_mark = 0 BEGIN"
	" UPDATE counts SET n = n + 1 WHERE kind = 'size' AND name = '';"
	" UPDATE counts SET n = n + 1" OF_STATE("NEW") HAS_LABEL
	" UPDATE counts SET n = n + NEW.bytes WHERE kind = 'bytes' AND name = '' AND NEW.bytes > 0;"
	"END;"
	"CREATE TRIGGER samples_state AFTER UPDATE OF state, label ON samples WHEN OLD.tally_mark = NEW.tally_mark"
	" AND (OLD.state <> NEW.state OR OLD.label <> NEW.label) BEGIN"
	" UPDATE counts SET n = n - 1" OF_STATE("OLD")
	" UPDATE counts SET n = n + 1" OF_STATE("NEW")
	" UPDATE counts SET n = n - 1" OF_LABEL("OLD") HAS_LABEL
	"END;"
	"CREATE TRIGGER samples_deleted AFTER DELETE ON samples BEGIN"
	" UPDATE counts SET n = n - 1 WHERE kind = 'size' AND name = '';"
	" UPDATE counts SET n = n - 1" OF_STATE("OLD")
	" UPDATE counts SET n = n - 1" OF_LABEL("OLD")
	" UPDATE counts SET n = n - OLD.bytes WHERE kind = 'bytes' AND name = '' AND OLD.bytes > 0;"
	"END;";

/* --- labels given ------------------------------------------------------------------------------------------------- */

/* rules_gives */
#define GIVES(event) event ".by <> '' AND " event ".label <> '' AND " RULES_GIVES(event ".source")
#define TIMED(event) GIVES(event) " AND " event ".lead_time_ms >= 0"
#define DAY(event) event ".at / 86400000000"

/* stats_lead_from: steps double from 2,048 ms on; a lead time is at most a day, which is below 2^27 ms. */
#define OVER(event, ms) " + (" event ".lead_time_ms >= " ms ")"
#define OVER_4(event, a, b, c, d) OVER(event, a) OVER(event, b) OVER(event, c) OVER(event, d)
#define LOW(event) OVER_4(event, "2048", "4096", "8192", "16384") OVER_4(event, "32768", "65536", "131072", "262144")
#define MIDDLE(event) OVER_4(event, "524288", "1048576", "2097152", "4194304")
#define HIGH(event) OVER_4(event, "8388608", "16777216", "33554432", "67108864")
#define LEAD_FROM(event) "(" event ".lead_time_ms & ~((1 << (0" LOW(event) MIDDLE(event) HIGH(event) ")) - 1))"

/* --- pairs of votes ----------------------------------------------------------------------------------------------- */

#define IS_OTHER(vote, k) k ".sample = " vote ".sample AND " k ".user <> " vote ".user AND " k ".label IS NOT NULL"
#define ARE_OTHERS(vote) IS_OTHER(vote, "x") " AND " IS_OTHER(vote, "y") " AND x.user < y.user"
#define HAS_OTHERS(vote) " EXISTS (SELECT 1 FROM votes AS k WHERE " IS_OTHER(vote, "k") ")"
#define OTHERS(vote) "(SELECT COUNT(*) FROM votes AS k WHERE " IS_OTHER(vote, "k") ")"

#define PAIRS(voters) " INSERT INTO stats_pairs SELECT " voters ", "
#define OPINIONS " INSERT INTO stats_opinions SELECT "
#define IN_ORDER(x, y) "MIN(" x ", " y "), MAX(" x ", " y "), "
#define FIRST(vote) "CASE WHEN x.user < " vote ".user THEN x.label ELSE " vote ".label END, "
#define SECOND(vote) "CASE WHEN x.user < " vote ".user THEN " vote ".label ELSE x.label END, "
#define ADDED " ON CONFLICT DO UPDATE SET n = n + excluded.n;"
#define OF_TWO(vote) "1 FROM votes AS x JOIN votes AS y WHERE " ARE_OTHERS(vote) ADDED
#define OF_ONE(vote) "1 FROM votes AS x WHERE " IS_OTHER(vote, "x") ADDED

/* The pairs of the others' votes, in a sample with so many more than theirs; and those of this vote with theirs. */
#define COUNT_OTHERS(vote, more, sign) PAIRS(OTHERS(vote) " + " more) IN_ORDER("x.label", "y.label") sign OF_TWO(vote)
#define COUNT_PAIRS(vote, sign) PAIRS(OTHERS(vote) " + 1") IN_ORDER("x.label", vote ".label") sign OF_ONE(vote)
#define COUNT_SAID(vote, sign) OPINIONS IN_ORDER("x.user", vote ".user") FIRST(vote) SECOND(vote) sign OF_ONE(vote)
#define COUNT_OWN(vote, sign) COUNT_PAIRS(vote, sign) COUNT_SAID(vote, sign)

#define COMES COUNT_OTHERS("NEW", "0", "-") COUNT_OTHERS("NEW", "1", "") COUNT_OWN("NEW", "")
#define GOES COUNT_OTHERS("OLD", "1", "-") COUNT_OTHERS("OLD", "0", "") COUNT_OWN("OLD", "-")

/* --- all of it ---------------------------------------------------------------------------------------------------- */

/* What is there already is counted at the end of each part: none of it is taken back yet. */
const char stats_schema[] =
	"CREATE TABLE stats_given (by TEXT, day INTEGER, n INTEGER, PRIMARY KEY (by, day)) WITHOUT ROWID;"
	"CREATE TABLE stats_leads (by TEXT, lead_from INTEGER, n INTEGER, ms INTEGER,"
	" PRIMARY KEY (by, lead_from)) WITHOUT ROWID;"
	"CREATE TRIGGER events_removed AFTER DELETE ON events WHEN " GIVES("OLD") " AND NOT EXISTS"
	" (SELECT 1 FROM events WHERE sample = OLD.sample AND undoes = OLD.n) BEGIN"
	" UPDATE stats_given SET n = n - 1 WHERE by = OLD.by AND day = " DAY("OLD") ";"
	" UPDATE stats_leads SET n = n - 1, ms = ms - OLD.lead_time_ms"
	"  WHERE OLD.lead_time_ms >= 0 AND by = OLD.by AND lead_from = " LEAD_FROM("OLD") ";"
	"END;"
	"INSERT INTO stats_given SELECT by, " DAY("events") " AS day, COUNT(*) FROM events WHERE " GIVES("events")
	" GROUP BY by, day;"
	"INSERT INTO stats_leads SELECT by, " LEAD_FROM("events") " AS lead_from, COUNT(*), SUM(lead_time_ms) FROM events"
	" WHERE " TIMED("events") " GROUP BY by, lead_from;"

	"CREATE TABLE stats_pairs (voters INTEGER, a TEXT, b TEXT, n INTEGER, PRIMARY KEY (voters, a, b))"
	" WITHOUT ROWID;"
	"CREATE TABLE stats_opinions (one TEXT, other TEXT, a TEXT, b TEXT, n INTEGER,"
	" PRIMARY KEY (one, other, a, b)) WITHOUT ROWID;"
	"CREATE TRIGGER votes_added AFTER INSERT ON votes WHEN NEW.label IS NOT NULL AND" HAS_OTHERS("NEW")
	" BEGIN" COMES "END;"
	"CREATE TRIGGER votes_given AFTER UPDATE OF label ON votes WHEN OLD.label IS NULL AND NEW.label IS NOT NULL AND"
	HAS_OTHERS("NEW") " BEGIN" COMES "END;"
	"CREATE TRIGGER votes_changed AFTER UPDATE OF label ON votes WHEN OLD.label <> NEW.label AND" HAS_OTHERS("NEW")
	" BEGIN" COUNT_OWN("OLD", "-") COUNT_OWN("NEW", "") "END;"
	"CREATE TRIGGER votes_taken AFTER UPDATE OF label ON votes WHEN OLD.label IS NOT NULL AND NEW.label IS NULL AND"
	HAS_OTHERS("NEW") " BEGIN" GOES "END;"
	"CREATE TRIGGER votes_removed AFTER DELETE ON votes WHEN OLD.label IS NOT NULL AND" HAS_OTHERS("OLD")
	" BEGIN" GOES "END;"
	"INSERT INTO stats_pairs SELECT k.n AS voters, MIN(x.label, y.label) AS a, MAX(x.label, y.label) AS b, COUNT(*)"
	" FROM (SELECT sample, COUNT(label) AS n FROM votes GROUP BY sample HAVING COUNT(label) > 1) AS k"
	" JOIN votes AS x ON x.sample = k.sample JOIN votes AS y ON y.sample = k.sample AND x.user < y.user"
	" WHERE x.label IS NOT NULL AND y.label IS NOT NULL GROUP BY 1, 2, 3;"
	"INSERT INTO stats_opinions SELECT x.user, y.user, x.label, y.label, COUNT(*)"
	" FROM votes AS x JOIN votes AS y ON y.sample = x.sample AND x.user < y.user"
	" WHERE x.label IS NOT NULL AND y.label IS NOT NULL GROUP BY 1, 2, 3, 4;";
