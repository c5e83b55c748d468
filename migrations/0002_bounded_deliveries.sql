-- The hash of a kept payload: the same bytes under another delivery's id are no further evidence, since ids are not signed.
ALTER TABLE delivery ADD COLUMN payload_hash TEXT;
-- The id of the delivery whose payload this one repeats.
ALTER TABLE delivery ADD COLUMN repeats TEXT;
CREATE UNIQUE INDEX delivery_payload ON delivery (payload_hash) WHERE payload_hash IS NOT NULL;
-- For deleting the oldest.
CREATE INDEX delivery_received ON delivery (received_at);
