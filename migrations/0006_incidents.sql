-- An incident that a person declared holds back every run until somebody says that it is over: asked for at each look.
CREATE INDEX journal_incident ON journal (id) WHERE event GLOB '{"event":"incident-*';
