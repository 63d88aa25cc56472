package org.rlkd.core.endpoint;

import java.net.http.HttpHeaders;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;

/** The header by which a server asks for a pause (RFC 9110, 10.2.3). */
final class RetryAfter {
  private RetryAfter() {}

  /** The pause asked for, at least 0; null where the header is missing or unreadable. */
  static Duration of(HttpHeaders headers) {
    String value = headers.firstValue("Retry-After").orElse("").strip();
    try {
      if (value.matches("\\d{1,9}(\\.\\d{1,9})?")) {
        return Duration.ofMillis((long) (1000 * Double.parseDouble(value)));
      }
      Duration until =
          Duration.between(
              Instant.now(),
              ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
      return until.isNegative() ? Duration.ZERO : until;
    } catch (DateTimeException e) {
      return null;
    }
  }
}
