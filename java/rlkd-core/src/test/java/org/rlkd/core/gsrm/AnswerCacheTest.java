package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AnswerCacheTest {
  private static final long ROOMY = 1 << 20;
  private static final int HEADER = 8;
  private static final int RECORD = 24;

  @TempDir Path folder;

  private Path file() {
    return folder.resolve("answers.bin");
  }

  private static JudgeQuestion question(int i) {
    return new JudgeQuestion(Aspect.QUERY, "teacher " + i, "student");
  }

  private void fill(int from, int to, long maxBytes) {
    try (AnswerCache cache = AnswerCache.open(file(), maxBytes)) {
      for (int i = from; i < to; i++) {
        cache.put("judge", question(i), i / 1024.0);
      }
    }
  }

  @Test
  void answers_are_there_after_reopening_for_the_same_judge_and_question_alone() {
    fill(0, 10, ROOMY);
    try (AnswerCache cache = AnswerCache.open(file(), ROOMY)) {
      assertThat(cache.size()).isEqualTo(10);
      assertThat(cache.get("judge", question(7))).hasValue(7 / 1024.0);
      assertThat(cache.get("other", question(7))).isEmpty();
      assertThat(cache.get("judge", new JudgeQuestion(Aspect.ANSWER, "teacher 7", "student")))
          .isEmpty();
      assertThat(cache.get("judge", new JudgeQuestion(Aspect.QUERY, "teacher 7s", "tudent")))
          .isEmpty();
    }
  }

  @Test
  void a_cache_in_memory_keeps_the_youngest_of_as_many_as_a_file_would() {
    AnswerCache cache = AnswerCache.inMemory(HEADER + 100 * RECORD);
    for (int i = 0; i < 1000; i++) {
      cache.put("judge", question(i), i / 1024.0);
      assertThat(cache.size()).isLessThanOrEqualTo(100);
    }
    assertThat(cache.get("judge", question(999))).hasValue(999 / 1024.0);
    assertThat(cache.get("judge", question(0))).isEmpty();
  }

  @Test
  void the_file_stays_within_its_bound_and_keeps_the_youngest() throws IOException {
    long bound = HEADER + 100 * RECORD;
    fill(0, 1000, bound);
    assertThat(Files.size(file())).isLessThanOrEqualTo(bound);
    try (AnswerCache cache = AnswerCache.open(file(), bound)) {
      assertThat(cache.size()).isBetween(50, 100);
      assertThat(cache.get("judge", question(999))).isPresent();
      assertThat(cache.get("judge", question(0))).isEmpty();
    }
    fill(0, 0, HEADER + 20 * RECORD);
    assertThat(Files.size(file())).isLessThanOrEqualTo(HEADER + 20 * RECORD);
  }

  @Test
  void a_record_cut_short_by_a_crash_is_dropped_and_later_ones_are_whole() throws IOException {
    fill(0, 5, ROOMY);
    byte[] whole = Files.readAllBytes(file());
    for (int cut = 1; cut < RECORD; cut++) {
      Files.write(file(), java.util.Arrays.copyOf(whole, whole.length - cut));
      fill(5, 6, ROOMY);
      try (AnswerCache cache = AnswerCache.open(file(), ROOMY)) {
        assertThat(cache.size()).isEqualTo(5);
        assertThat(cache.get("judge", question(5))).isPresent();
        assertThat(cache.get("judge", question(4))).isEmpty();
      }
    }
  }

  @Test
  void each_damaged_byte_costs_at_most_its_own_record_and_the_file_is_written_anew()
      throws IOException {
    fill(0, 5, ROOMY);
    byte[] whole = Files.readAllBytes(file());
    for (int at = HEADER; at < whole.length; at++) {
      byte[] damaged = whole.clone();
      damaged[at] ^= 0x41;
      Files.write(file(), damaged);
      try (AnswerCache cache = AnswerCache.open(file(), ROOMY)) {
        assertThat(cache.size()).isEqualTo(4);
        int hit = (at - HEADER) / RECORD;
        for (int i = 0; i < 5; i++) {
          assertThat(cache.get("judge", question(i)).isPresent()).isEqualTo(i != hit);
        }
      }
      assertThat(Files.size(file())).isEqualTo(HEADER + 4 * RECORD);
    }
  }

  @Test
  void a_file_that_is_no_cache_is_begun_anew() throws IOException {
    Files.writeString(file(), "{\"not\": \"a cache\"}\n");
    fill(0, 3, ROOMY);
    try (AnswerCache cache = AnswerCache.open(file(), ROOMY)) {
      assertThat(cache.size()).isEqualTo(3);
    }
  }

  @Test
  void a_second_user_reads_and_does_not_write() throws IOException {
    fill(0, 3, ROOMY);
    try (AnswerCache first = AnswerCache.open(file(), ROOMY);
        AnswerCache second = AnswerCache.open(file(), ROOMY)) {
      assertThat(second.get("judge", question(2))).isPresent();
      second.put("judge", question(100), 0.5);
      assertThat(second.get("judge", question(100))).hasValue(0.5);
      first.put("judge", question(3), 0.5);
    }
    assertThat(Files.size(file())).isEqualTo(HEADER + 4 * RECORD);
  }

  @Test
  void what_was_put_is_on_disk_before_the_cache_is_closed() throws IOException {
    try (AnswerCache cache = AnswerCache.open(file(), ROOMY)) {
      cache.put("judge", question(1), 1);
      assertThat(Files.size(file())).isEqualTo(HEADER + RECORD);
    }
    assertThat(Files.isWritable(file())).isTrue();
    Files.write(file(), new byte[0], StandardOpenOption.TRUNCATE_EXISTING);
    fill(0, 1, ROOMY);
    assertThat(Files.size(file())).isEqualTo(HEADER + RECORD);
  }
}
