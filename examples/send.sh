#!/bin/sh
# Sends one signed Petstore delivery: examples/send.sh TOPIC DATA [ID] [TIMESTAMP]
#   examples/send.sh order.created '{"orderId":"o1","amount":5,"email":"ann@example.com"}'
# PETSTORE_WEBHOOK_SECRET must be the receiver's; RECEIVER is http://127.0.0.1:3000 unless set.
set -eu
topic=$1 data=$2
id=${3:-evt_$(date +%s)_$$} timestamp=${4:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
body="{\"id\":\"$id\",\"eventType\":\"$topic\",\"timestamp\":\"$timestamp\",\"data\":$data}"
signature=$(printf %s "$body" | openssl dgst -sha256 -hmac "$PETSTORE_WEBHOOK_SECRET" -r | cut -d' ' -f1)
curl -sS -H 'Content-Type: application/json' -H "X-Petstore-Signature: sha256=$signature" --data-binary "$body" \
  "${RECEIVER:-http://127.0.0.1:3000}/webhooks/petstore"
echo
