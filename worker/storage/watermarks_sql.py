"""The statements that read and move watermarks, each in the order of the whole key."""

from sqlalchemy import text

# Rows that exist are filtered out before the insert: ON CONFLICT would wait for a commit that is moving them.
OPEN_PARTITIONS = text("""
INSERT INTO ingest_watermark (consumer_group, topic_id, partition, topic, next_offset)
SELECT CAST(:consumer_group AS text), asked.topic_id, asked.partition, asked.topic, 0
FROM unnest(
    CAST(:topic_ids AS text[]), CAST(:topics AS text[]), CAST(:partitions AS integer[])
) AS asked (topic_id, topic, partition)
WHERE NOT EXISTS (
    SELECT FROM ingest_watermark AS known
    WHERE known.consumer_group = CAST(:consumer_group AS text)
        AND known.topic_id = asked.topic_id
        AND known.partition = asked.partition
)
ORDER BY asked.topic_id, asked.partition
ON CONFLICT (consumer_group, topic_id, partition) DO NOTHING
""")

READ_WATERMARKS = text("""
SELECT watermark.topic_id, watermark.partition, watermark.next_offset
FROM ingest_watermark AS watermark
JOIN unnest(CAST(:topic_ids AS text[]), CAST(:partitions AS integer[])) AS asked (topic_id, partition)
    USING (topic_id, partition)
WHERE watermark.consumer_group = :consumer_group
""")

# Compare and set. `found` waits for whoever has locked a row and then reads the value that they left, so it
# compares with the newest watermark. `verdict` says whether every row is as expected; if not, `moved` moves
# none. The statement returns all rows, so the caller can report the values of the table.
FOUND = """
found AS (
    SELECT
        watermark.topic_id,
        watermark.partition,
        watermark.next_offset,
        watermark.next_offset = move.expected AS as_expected,
        move.next_offset AS moved_to
    FROM ingest_watermark AS watermark
    JOIN unnest(
        CAST(:topic_ids AS text[]),
        CAST(:partitions AS integer[]),
        CAST(:expected AS bigint[]),
        CAST(:next_offsets AS bigint[])
    ) AS move (topic_id, partition, expected, next_offset)
        USING (topic_id, partition)
    WHERE watermark.consumer_group = :consumer_group
    ORDER BY watermark.topic_id, watermark.partition
    FOR UPDATE OF watermark
), verdict AS (
    SELECT count(*) FILTER (WHERE as_expected) = cardinality(CAST(:topic_ids AS text[])) AS as_expected
    FROM found
), moved AS (
    UPDATE ingest_watermark AS watermark
    SET next_offset = found.moved_to, updated_at = now()
    FROM found
    WHERE watermark.consumer_group = :consumer_group
        AND watermark.topic_id = found.topic_id
        AND watermark.partition = found.partition
        AND (SELECT as_expected FROM verdict)
)"""

MOVE_WATERMARKS = text(f"""
WITH {FOUND}
SELECT topic_id, partition, next_offset, as_expected FROM found
""")  # noqa: S608  (constants)

# One statement moves the watermark and records the move, so neither can exist without the other.
CHANGE_WATERMARK = text("""
WITH found AS (
    SELECT
        watermark.topic_id,
        watermark.topic,
        watermark.partition,
        watermark.next_offset,
        watermark.next_offset = :expected AS as_expected
    FROM ingest_watermark AS watermark
    WHERE watermark.consumer_group = :consumer_group
        AND watermark.topic_id = :topic_id
        AND watermark.partition = :partition
    FOR UPDATE OF watermark
), moved AS (
    UPDATE ingest_watermark AS watermark
    SET next_offset = :next_offset, updated_at = now()
    FROM found
    WHERE watermark.consumer_group = :consumer_group
        AND watermark.topic_id = found.topic_id
        AND watermark.partition = found.partition
        AND found.as_expected
), recorded AS (
    INSERT INTO watermark_change (
        consumer_group, topic_id, topic, partition, old_offset, new_offset, actor, reason
    )
    SELECT
        :consumer_group, found.topic_id, found.topic, found.partition, found.next_offset, :next_offset,
        :actor, :reason
    FROM found
    WHERE found.as_expected
)
SELECT topic_id, partition, next_offset, as_expected FROM found
""")

READ_KNOWN = text("""
SELECT topic, topic_id, partition, next_offset
FROM ingest_watermark
WHERE consumer_group = :consumer_group AND topic = ANY (CAST(:topics AS text[]))
ORDER BY topic, topic_id, partition
""")
