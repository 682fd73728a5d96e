import { defineHandler } from '../../../lib/handler.js';
import { envelope, object, pet, text } from './_envelope.js';

/** Where your own work on an adoption begins. The adopter is personal data: keep it out of the log. */
export default defineHandler({
  source: 'petstore',
  topic: 'pet.adopted',
  schema: envelope({ pet, petId: text, adopter: object({ id: text }), adoptionDate: text }),
  handle({ payload: { data } }, { log }) {
    log.info({ petId: data.pet?.id ?? data.petId }, 'pet.adopted');
  },
});
