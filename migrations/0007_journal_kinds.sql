-- What is asked of all journals of a repository at each look (versions that are held, the change that ended last) is found by its kind.
CREATE INDEX journal_kind ON journal (json_extract(event, '$.event'), id);
