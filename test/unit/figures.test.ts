/** What several processes tell of themselves, as one. */
import t from 'tap';
import { Metrics } from '../../lib/metrics.js';
import { joinMetrics, joinSpools } from '../../lib/processes/figures.js';

void t.test('metrics: each is described once, and has the series of all', async (t) => {
  const one = new Metrics({ process: 'one' });
  const two = new Metrics({ process: 'two' });
  one.delivery('a', 'accepted', 0.1);
  one.refusal('a', 'only-here');
  two.delivery('a', 'accepted', 0.1);
  two.delivery('a', 'accepted', 0.1);
  two.watchQueues([]);
  const joined = joinMetrics([await one.own(), await two.own(), await two.asked()]);
  const described = Array.from(joined.matchAll(/^# HELP (\w+)/gm), ([, name]) => name);
  t.equal(new Set(described).size, described.length);
  t.ok(joined.endsWith('\n') && !joined.endsWith('\n\n'));
  t.match(
    joined,
    /^# TYPE hookline_deliveries_total counter\nhookline_deliveries_total\{source="a",outcome="accepted",process="one"\} 1\nhookline_deliveries_total\{source="a",outcome="accepted",process="two"\} 2$/m,
  );
  t.match(joined, 'hookline_acknowledgement_seconds_bucket{le="+Inf",process="two",source="a"} 2');
  t.match(joined, 'hookline_refusals_total{source="a",cause="only-here",process="one"} 1');
  t.match(joined, /^# TYPE hookline_queue_jobs gauge$/m);
});

void t.test('metrics of one process stay as they are', async (t) => {
  const metrics = new Metrics();
  metrics.delivery('a', 'accepted', 0.1);
  const text = 'hookline_deliveries_total{source="a",outcome="accepted"} 1';
  t.match(joinMetrics([await metrics.own(), await metrics.asked()]), text);
});

void t.test('spools', async (t) => {
  const well = { state: 'ok', bytes: 10, events: 2, oldestSeconds: 5 };
  const full = { state: 'full', bytes: 100, events: 20, oldestSeconds: 3 };
  t.same(joinSpools([well, full]), { state: 'full', bytes: 110, events: 22, oldestSeconds: 5 });
  t.same(joinSpools([well]), well);
  t.same(joinSpools([{ ...well, state: 'off' }]).state, 'off');
});
