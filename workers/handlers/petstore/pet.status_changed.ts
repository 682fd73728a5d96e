import { defineHandler } from '../../../lib/handler.js';
import { envelope, pet, text } from './_envelope.js';

/** Events may overtake each other: compare with what you have before you write. */
export default defineHandler({
  source: 'petstore',
  topic: 'pet.status_changed',
  schema: envelope({ pet, petId: text, oldStatus: text, previousStatus: text, newStatus: text }),
  handle({ payload: { data } }, { log }) {
    log.info(
      { petId: data.petId ?? data.pet?.id, from: data.oldStatus ?? data.previousStatus, to: data.newStatus },
      'pet.status_changed',
    );
  },
});
