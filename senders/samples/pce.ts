import type { PceSample } from '../pce.js';

export interface PceOrderStatusChanged {
  eventType: 'OrderStatusChanged';
  eventTime: string;
  merchantId: string;
  order: {
    id: string;
    previousStatus: string;
    status: string;
    amount: number;
    currency: string;
    payment: { method: string; cardBrand: string; last4: string; authorizationCode: string };
  };
}

const orderStatusChanged: PceOrderStatusChanged = {
  eventType: 'OrderStatusChanged',
  eventTime: '2025-01-06T16:20:11.284Z',
  merchantId: '8000002114',
  order: {
    id: '100000018842',
    previousStatus: 'Authorized',
    status: 'Settled',
    amount: 248.75,
    currency: 'USD',
    payment: { method: 'card', cardBrand: 'Visa', last4: '4242', authorizationCode: 'A81F2C' },
  },
};

/** A notification whose `Message` is JSON, and one whose `Message` is text under a `Subject`. */
export const pceSamples: readonly PceSample[] = [
  { topic: 'OrderStatusChanged', data: orderStatusChanged },
  {
    topic: 'ScheduledMaintenance',
    subject: 'ScheduledMaintenance',
    data: 'The merchant portal is not available on 12 January 2025 from 02:00 to 04:00 UTC.\nPayments are not affected.',
  },
];

/** The two ends of a subscription; `data` is not sent. */
export const pceSubscriptionConfirmation: PceSample = {
  topic: 'SubscriptionConfirmation',
  type: 'SubscriptionConfirmation',
  data: null,
};

export const pceUnsubscribeConfirmation: PceSample = {
  topic: 'UnsubscribeConfirmation',
  type: 'UnsubscribeConfirmation',
  data: null,
};
