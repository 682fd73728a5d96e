import type { Sample } from '../sender.js';

export interface PitchpointDocument {
  name: string;
  contentType: string;
  /** Base64. */
  content: string;
}

export interface PitchpointOrder {
  orderId: string;
  loanNumber: string;
  status: 'Placed' | 'InProgress' | 'Completed';
  placedAt: string;
  updatedAt: string;
  borrower: { firstName: string; lastName: string; email: string };
  property: { address: string; city: string; state: string; postalCode: string; county: string };
  products: { code: string; name: string; status: string; fee: number; result?: Record<string, unknown> }[];
  documents: PitchpointDocument[];
  amounts: { loanAmount: number; salesPrice: number; fees: number; currency: string };
}

export interface PitchpointSample extends Sample {
  data: PitchpointOrder;
}

const CERTIFICATE_PDF = Buffer.from('%PDF-1.4\n% Standard flood hazard determination\n%%EOF\n').toString(
  'base64',
);

const placed: PitchpointOrder = {
  orderId: 'ORD-20250106-004417',
  loanNumber: '7002381946',
  status: 'Placed',
  placedAt: '2025-01-06T14:32:07.4185213Z',
  updatedAt: '2025-01-06T14:32:07.4185213Z',
  borrower: { firstName: 'Maria', lastName: 'Delgado-O’Neill', email: 'maria.delgado@example.com' },
  property: {
    address: '1842 Harbour View Road',
    city: 'Charleston',
    state: 'SC',
    postalCode: '29412',
    county: 'Charleston',
  },
  products: [{ code: 'adv/flood', name: 'Flood zone determination', status: 'Ordered', fee: 12.5 }],
  documents: [],
  amounts: { loanAmount: 412_000, salesPrice: 515_000, fees: 12.5, currency: 'USD' },
};

const completed: PitchpointOrder = {
  ...placed,
  status: 'Completed',
  updatedAt: '2025-01-06T15:04:51.0093377Z',
  products: [
    {
      code: 'adv/flood',
      name: 'Flood zone determination',
      status: 'Completed',
      fee: 12.5,
      result: { zone: 'AE', specialFloodHazardArea: true, mapPanel: '45019C0529K', mapDate: '2021-01-29' },
    },
  ],
  documents: [{ name: 'flood-determination.pdf', contentType: 'application/pdf', content: CERTIFICATE_PDF }],
};

/** An order as it is placed and as it comes back. */
export const pitchpointSamples: readonly PitchpointSample[] = [
  { topic: 'orders/placed', subTopic: 'product:adv/adv-120', tenantId: 'OU1243', data: placed },
  { topic: 'orders/updated', subTopic: 'product:adv/adv-120', tenantId: 'OU1243', data: completed },
];
