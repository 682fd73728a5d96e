import type { Report } from '../../senders/simulator/report.js';
import { table } from '../output.js';
import { describeTally } from '../send/summary.js';

/** The report, for people. */
export function describeReport(report: Report): string {
  const { provider, url, speed, receiver, findings } = report;
  return [
    `${provider} → ${url}, at ${speed} times its pace`,
    '',
    table(sending(report)),
    '',
    describeTally(report),
    '',
    receiver ? table(receiving(receiver)) : 'What became of the events at the receiver was not found out.',
    '',
    ...(findings.length > 0 ? findings.map((finding) => `! ${finding}`) : ['Nothing was lost.']),
  ].join('\n');
}

function sending(report: Report): string[][] {
  const row = (name: string, value: number, remark = '') => [name, String(value), remark];
  return [
    ...(report.confirmed === null
      ? []
      : [['subscription', report.confirmed ? 'confirmed' : 'NOT confirmed', '']]),
    row('events', report.events),
    row('delivered', report.delivered),
    row('retried', report.retried, 'took more than one try'),
    row('sent twice', report.duplicatesSent),
    row('refused', report.refused),
    row('given up', report.givenUp, 'all tries failed'),
    row('withheld', report.withheld, 'not sent any more'),
    ['endpoint', report.blocked ? 'BLOCKED' : 'active', ''],
  ];
}

function receiving(receiver: NonNullable<Report['receiver']>): string[][] {
  const row = (name: string, value: number, remark = '') => [name, String(value), remark];
  return [
    ['at the receiver', '', ''],
    row('handled', receiver.handled),
    row('failed', receiver.failed, 'kept, to be retried'),
    row('still in hand', receiver.pending),
    row('duplicates', receiver.duplicatesRecognised, 'recognised, not handled again'),
    row('handled twice', receiver.handledTwice),
    row('lost', receiver.lost),
  ];
}
