package org.rlkd.core.gsrm;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.zip.CRC32;
import org.rlkd.core.InputException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers of judges by the content of the question, in memory and in a file of bounded size.
 *
 * <pre>
 * file     "RLKDANS1", then records of 24 bytes, big-endian, oldest first
 * record   first 16 bytes of the SHA-256 of (judge id, aspect, teacher, student)
 *          float32 probability in [0, 1]
 *          CRC-32 of the 20 bytes before it
 * </pre>
 *
 * <p>Records are appended; when the file is full the older half is dropped by writing a new file
 * and renaming it. A record that a crash has cut short is dropped; damaged ones are reported to the
 * log and left out, and the file is written anew without them: their questions are asked again. One
 * process at a time writes, the one that holds the lock on {@code FILE.lock} (see {@link
 * CacheLock}). Not thread-safe.
 */
public final class AnswerCache implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AnswerCache.class);
  private static final byte[] MAGIC = {'R', 'L', 'K', 'D', 'A', 'N', 'S', '1'};
  private static final int RECORD = 24;

  private record Key(long high, long low) {}

  private final Map<Key, Float> answers = new LinkedHashMap<>();
  private final Path file;
  private final CacheLock lock;
  private final int capacity;
  private FileChannel channel;

  private AnswerCache(Path file, CacheLock lock, int capacity) {
    this.file = file;
    this.lock = lock;
    this.capacity = capacity;
  }

  /** A cache that lives as long as the object, without bound. */
  public static AnswerCache inMemory() {
    return new AnswerCache(null, null, Integer.MAX_VALUE);
  }

  /** A cache that lives as long as the object, of as many answers as a file of the size has. */
  public static AnswerCache inMemory(long maxBytes) {
    return new AnswerCache(null, null, capacity(maxBytes));
  }

  /**
   * Opens or creates the file and reads what it holds.
   *
   * @param maxBytes bound of the file's size, and of the answers in memory
   * @throws InputException if the file cannot be read or written
   */
  public static AnswerCache open(Path file, long maxBytes) {
    int capacity = capacity(maxBytes);
    try {
      AnswerCache cache =
          new AnswerCache(
              file, CacheLock.of(file.resolveSibling(file.getFileName() + ".lock")), capacity);
      try {
        cache.load();
        return cache;
      } catch (IOException | RuntimeException e) {
        cache.lock.close();
        throw e;
      }
    } catch (IOException e) {
      throw new InputException("judge cache %s cannot be opened: %s".formatted(file, e), e);
    }
  }

  private static int capacity(long maxBytes) {
    int capacity = (int) Math.min(Integer.MAX_VALUE, (maxBytes - MAGIC.length) / RECORD);
    if (capacity < 2) {
      throw new IllegalArgumentException("no room for two answers in " + maxBytes + " bytes");
    }
    return capacity;
  }

  private void load() throws IOException {
    byte[] content = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
    boolean foreign =
        content.length > 0
            && !Arrays.equals(MAGIC, Arrays.copyOf(content, Math.min(8, content.length)));
    int torn = 0;
    int damaged = 0;
    if (!foreign && content.length > 0) {
      ByteBuffer records = ByteBuffer.wrap(content).position(MAGIC.length);
      while (records.remaining() >= RECORD) {
        damaged += read(records) ? 0 : 1;
      }
      torn = records.remaining();
    }
    if (foreign) {
      LOG.warn("judge cache {} is not one, or its start is damaged: it is begun anew", file);
    } else if (damaged > 0) {
      LOG.warn(
          "judge cache {}: {} of {} answers are damaged; they are dropped and asked again",
          file,
          damaged,
          (content.length - MAGIC.length) / RECORD);
    }
    if (!lock.writer()) {
      LOG.info(
          "judge cache {} is written by another run: its answers are used, new ones stay in memory",
          file);
      return;
    }
    if (foreign || damaged > 0 || torn > 0 || content.length == 0 || answers.size() > capacity) {
      rewrite();
    } else {
      channel = FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }
  }

  /** Takes the next record; false if it is damaged. */
  private boolean read(ByteBuffer records) {
    int start = records.position();
    Key key = new Key(records.getLong(), records.getLong());
    float probability = records.getFloat();
    boolean whole =
        records.getInt() == checksum(records.array(), start)
            && probability >= 0
            && probability <= 1;
    if (whole) {
      answers.remove(key); // a later record is a younger one
      answers.put(key, probability);
    }
    return whole;
  }

  /** The answer to a question, if this judge gave one. */
  public OptionalDouble get(String judgeId, JudgeQuestion question) {
    Float probability = answers.get(key(judgeId, question));
    return probability == null ? OptionalDouble.empty() : OptionalDouble.of(probability);
  }

  /** Keeps an answer, in single precision. */
  public void put(String judgeId, JudgeQuestion question, double probability) {
    Key key = key(judgeId, question);
    if (answers.put(key, (float) probability) != null) {
      return;
    }
    try {
      if (answers.size() > capacity) {
        dropOlderHalf();
        if (channel != null) {
          rewrite();
        }
      } else if (channel != null) {
        ByteBuffer record = ByteBuffer.allocate(RECORD);
        write(record, key, (float) probability);
        write(channel, record.flip());
      }
    } catch (IOException e) {
      throw new InputException("judge cache %s cannot be written: %s".formatted(file, e), e);
    }
  }

  private void dropOlderHalf() {
    Iterator<Key> oldest = answers.keySet().iterator();
    for (int excess = answers.size() - capacity / 2; excess > 0; excess--) {
      oldest.next();
      oldest.remove();
    }
  }

  /** Writes all answers into a new file that takes the old one's place. */
  private void rewrite() throws IOException {
    if (answers.size() > capacity) {
      dropOlderHalf();
    }
    if (channel != null) {
      channel.close();
    }
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    channel =
        FileChannel.open(
            partial,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE);
    ByteBuffer content = ByteBuffer.allocate(MAGIC.length + RECORD * answers.size());
    content.put(MAGIC);
    answers.forEach((key, probability) -> write(content, key, probability));
    write(channel, content.flip());
    channel.force(true);
    Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void write(ByteBuffer target, Key key, float probability) {
    int start = target.position();
    target.putLong(key.high).putLong(key.low).putFloat(probability);
    target.putInt(checksum(target.array(), start));
  }

  private static void write(FileChannel channel, ByteBuffer content) throws IOException {
    while (content.hasRemaining()) {
      channel.write(content);
    }
  }

  private static int checksum(byte[] content, int start) {
    CRC32 crc = new CRC32();
    crc.update(content, start, RECORD - Integer.BYTES);
    return (int) crc.getValue();
  }

  private static Key key(String judgeId, JudgeQuestion question) {
    // Lengths keep "ab" + "c" apart from "a" + "bc".
    String content =
        judgeId
            + '\0'
            + question.aspect()
            + '\0'
            + question.teacher().length()
            + '\0'
            + question.teacher()
            + question.student();
    ByteBuffer hash = ByteBuffer.wrap(TeacherTree.sha256(content));
    return new Key(hash.getLong(), hash.getLong());
  }

  /** Number of answers. */
  public int size() {
    return answers.size();
  }

  @Override
  public void close() {
    if (lock == null) {
      return;
    }
    try {
      if (channel != null) {
        channel.force(true);
        channel.close();
      }
      lock.close();
    } catch (IOException e) {
      throw new InputException("judge cache %s cannot be written: %s".formatted(file, e), e);
    }
  }
}
