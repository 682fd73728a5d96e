/**
 * Petstore's payloads as its two documents give them. They disagree in names (`id` or `eventId`, `orderId` or
 * `order.id`) and in how amounts are written, so that nearly everything is optional; the schemas of the built-in
 * handlers let through exactly this.
 */

/** The envelope around `data`. */
export interface PetstoreEvent<Data> {
  id?: string;
  eventId?: string;
  eventType: string;
  timestamp?: string;
  data: Data;
}

export interface Pet {
  id?: string;
  name?: string;
  species?: string;
  status?: string;
}

export interface Order {
  id?: string;
  petId?: string;
  userId?: string;
  status?: string;
  totalAmount?: number | string;
  currency?: string;
}

export interface Payment {
  id?: string;
  amount?: number | string;
  currency?: string;
  status?: string;
}

export interface PetAdopted {
  pet?: Pet;
  petId?: string;
  adoptionDate?: string;
}

export interface PetStatusChanged {
  pet?: Pet;
  petId?: string;
  oldStatus?: string;
  previousStatus?: string;
  newStatus?: string;
}

export interface OrderCreated {
  order?: Order;
  orderId?: string;
  petId?: string;
}

export interface OrderStatusChanged {
  order?: Order;
  orderId?: string;
  oldStatus?: string;
  previousStatus?: string;
  newStatus?: string;
}

export interface PaymentSucceeded {
  payment?: Payment;
  paymentId?: string;
  order?: Order;
  orderId?: string;
}

export interface PaymentFailed extends PaymentSucceeded {
  reason?: string;
}

/** Each topic and what its handler gets. Topics of your own can be added: see `HandlerPayloads`. */
export interface PetstorePayloads {
  'pet.adopted': PetstoreEvent<PetAdopted>;
  'pet.status_changed': PetstoreEvent<PetStatusChanged>;
  'pet.statusChanged': PetstoreEvent<PetStatusChanged>;
  'order.created': PetstoreEvent<OrderCreated>;
  'order.status_changed': PetstoreEvent<OrderStatusChanged>;
  'order.statusChanged': PetstoreEvent<OrderStatusChanged>;
  'payment.succeeded': PetstoreEvent<PaymentSucceeded>;
  'payment.failed': PetstoreEvent<PaymentFailed>;
}
