import type { PetstoreSample } from '../petstore.js';

export interface Pet {
  id: string;
  name: string;
  species: 'DOG' | 'CAT';
  status: 'AVAILABLE' | 'PENDING' | 'ADOPTED';
}

export interface Adopter {
  id: string;
  name: string;
  email: string;
}

/** An order as the guide writes it: amounts are numbers. */
export interface PetstoreOrder {
  id: string;
  petId: string;
  customerId: string;
  status: 'PLACED' | 'APPROVED' | 'SHIPPED' | 'DELIVERED' | 'CANCELLED';
  totalAmount: number;
  currency: string;
}

export interface PetstorePayment {
  id: string;
  orderId: string;
  amount: number;
  currency: string;
  method: 'CARD' | 'BANK_ACCOUNT';
  status: 'SUCCEEDED' | 'FAILED';
  failureReason?: string;
}

const pet: Pet = { id: 'pet_fYrZzCW9E1WIOyGw', name: 'Buddy', species: 'DOG', status: 'PENDING' };

const adopter: Adopter = {
  id: '019b4137-6d8e-7c2b-a9f4-a3b5c8d7e2f1',
  name: 'Aoife Byrne',
  email: 'aoife.byrne@example.com',
};

const order: PetstoreOrder = {
  id: '019b4139-1234-7abc-8def-123456789abc',
  petId: pet.id,
  customerId: adopter.id,
  status: 'PLACED',
  totalAmount: 49.99,
  currency: 'USD',
};

const payment: PetstorePayment = {
  id: '2e3b4f5a-6b7c-4d9e-8f1a-2b3c4d5e6f7a',
  orderId: order.id,
  amount: order.totalAmount,
  currency: order.currency,
  method: 'CARD',
  status: 'SUCCEEDED',
};

/** The six events, spelt as in the provider's guide. */
export const petstoreSamples: readonly PetstoreSample[] = [
  { topic: 'pet.adopted', data: { pet: { ...pet, status: 'ADOPTED' }, adopter, adoptionDate: '2025-01-06' } },
  {
    topic: 'pet.status_changed',
    data: { pet, previousStatus: 'AVAILABLE', newStatus: 'PENDING', reason: 'Adoption application received' },
  },
  { topic: 'order.created', data: { order } },
  {
    topic: 'order.status_changed',
    data: { order: { ...order, status: 'APPROVED' }, previousStatus: 'PLACED', newStatus: 'APPROVED' },
  },
  { topic: 'payment.succeeded', data: { payment } },
  {
    topic: 'payment.failed',
    data: { payment: { ...payment, status: 'FAILED', failureReason: 'INSUFFICIENT_FUNDS' } },
  },
];

const referenceOrder = {
  id: order.id,
  petId: order.petId,
  userId: order.customerId,
  status: 'PLACED',
  totalAmount: '49.99',
  currency: 'USD',
  createdAt: '2025-01-06T11:58:00Z',
  updatedAt: '2025-01-06T12:00:00Z',
};

const referencePayment = {
  id: payment.id,
  amount: '49.99',
  currency: 'USD',
  source: {
    object: 'card',
    name: adopter.name,
    number: '************4242',
    brand: 'VISA',
    expMonth: 12,
    expYear: 2027,
  },
  status: 'SUCCEEDED',
  createdAt: '2025-01-06T11:59:30Z',
};

const change = { changedAt: '2025-01-06T12:00:00Z', changedBy: 'system' };

const reference = (topic: string, data: object): PetstoreSample => ({ topic, spelling: 'reference', data });

/** The same six, spelt as in the provider's API reference: `eventId`, camel case types, amounts as text. */
export const petstoreReferenceSamples: readonly PetstoreSample[] = [
  reference('pet.adopted', { pet: { ...pet, status: 'ADOPTED' }, adopter, adoptionDate: '2025-01-06' }),
  reference('pet.statusChanged', { pet, previousStatus: 'AVAILABLE', newStatus: 'PENDING', ...change }),
  reference('order.created', { order: referenceOrder }),
  reference('order.statusChanged', {
    order: { ...referenceOrder, status: 'APPROVED' },
    previousStatus: 'PLACED',
    newStatus: 'APPROVED',
    ...change,
  }),
  reference('payment.succeeded', {
    payment: referencePayment,
    order: { ...referenceOrder, status: 'APPROVED' },
  }),
  reference('payment.failed', {
    payment: { ...referencePayment, status: 'FAILED', failureReason: 'INSUFFICIENT_FUNDS' },
    order: referenceOrder,
  }),
];
