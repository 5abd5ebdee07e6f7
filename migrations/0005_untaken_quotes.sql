-- Quotes that expired and that nobody took are deleted a while later: looked for over all tenants.

CREATE INDEX quotes_untaken ON quotes (expires_at) WHERE taken_by IS NULL;
