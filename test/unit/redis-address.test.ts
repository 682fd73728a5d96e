/** REDIS_URL: one Redis, one behind Sentinels, a Cluster; and what is none of them. */
import t from 'tap';
import { parseRedisAddress, prefixFor, RedisAddressError } from '../../lib/queue/redis-address.js';

void t.test('one Redis stays as it was given', async (t) => {
  for (const url of ['redis://host', 'redis://:p@host:1/2', 'rediss://user:p%40ss@[::1]:6380/0'])
    t.same(parseRedisAddress(url), { form: 'single', url });
});

void t.test('Sentinels', async (t) => {
  t.same(parseRedisAddress('redis+sentinel://h1,h2:26380/main'), {
    form: 'sentinel',
    tls: false,
    sentinels: [
      { host: 'h1', port: 26_379 },
      { host: 'h2', port: 26_380 },
    ],
    name: 'main',
    db: 0,
  });
  const whole =
    'rediss+sentinel://us%3Aer:p%40s:s@[2001:db8::1]:1/my%20main/3?sentinelUsername=w&sentinelPassword=%26';
  t.same(parseRedisAddress(whole), {
    form: 'sentinel',
    tls: true,
    username: 'us:er',
    password: 'p@s:s',
    sentinels: [{ host: '2001:db8::1', port: 1 }],
    name: 'my main',
    db: 3,
    sentinelUsername: 'w',
    sentinelPassword: '&',
  });
});

void t.test('a Cluster', async (t) => {
  const nodes = [
    { host: 'h1', port: 7_000 },
    { host: 'h2', port: 6_379 },
  ];
  t.same(parseRedisAddress('redis+cluster://h1:7000,h2'), { form: 'cluster', tls: false, nodes });
  t.same(parseRedisAddress('rediss+cluster://:secret@h1:7000,h2/0'), {
    form: 'cluster',
    tls: true,
    password: 'secret',
    nodes,
  });
});

const WRONG: Array<[url: string, says: RegExp]> = [
  ['localhost:6379', /redis:\/\/host:6379.*redis\+sentinel.*redis\+cluster/],
  ['redis://', /redis:\/\/host:6379/],
  ['redis+elsewhere://h1', /redis\+sentinel/],
  ['redis+cluster://', /redis\+cluster/],
  ['redis+cluster://h1,,h2', /host:port/],
  ['redis+cluster://h1:70000', /host:port/],
  ['redis+cluster://h1:0', /host:port/],
  ['redis+cluster://a/b@h1', /redis\+cluster/],
  ['redis+cluster://h1/1', /no databases/],
  ['redis+cluster://h1?x=y', /no databases/],
  ['redis+sentinel://h1:26379', /name of the primary/],
  ['redis+sentinel://h1/main/x', /name of the primary/],
  ['redis+sentinel://h1/main/0/0', /name of the primary/],
  ['redis+sentinel://h1/main?family=6', /sentinelUsername/],
  ['redis+cluster://us%er:p@h1', /%25/],
];

for (const [url, says] of WRONG) {
  void t.test(url, async (t) => {
    t.throws(() => parseRedisAddress(url), { name: RedisAddressError.name, message: says });
  });
}

void t.test('a login ends at the last @', async (t) => {
  t.match(parseRedisAddress('redis+cluster://user:a@b@h1'), { username: 'user', password: 'a@b' });
});

void t.test('in a Cluster, and only there, all keys are in one slot', async (t) => {
  t.equal(prefixFor('redis+cluster://h1', 'hookline'), '{hookline}');
  t.equal(prefixFor('redis+cluster://h1', 'a{b}'), 'a{b}');
  t.equal(prefixFor('redis+cluster://h1', '{}'), '{}', 'a prefix without any text');
  t.equal(prefixFor('redis+cluster://h1', 'a{'), '{a}');
  t.equal(prefixFor('redis+sentinel://h1/main', 'hookline'), 'hookline');
  t.equal(prefixFor('redis://h1', 'hookline'), 'hookline');
  t.equal(prefixFor(undefined, 'hookline'), 'hookline');
});
