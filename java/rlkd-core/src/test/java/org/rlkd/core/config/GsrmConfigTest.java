package org.rlkd.core.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rlkd.core.UsageException;
import org.rlkd.core.endpoint.EndpointSettings;
import org.rlkd.core.gsrm.Domain;

class GsrmConfigTest {
  private static GsrmConfig read(String... settings) {
    return GrpoConfig.load(Optional.empty(), List.of(settings)).gsrm();
  }

  @Test
  void an_endpoint_is_read_with_its_limits() {
    GsrmConfig config =
        read(
            "rlkd.gsrm.judge=endpoint",
            "rlkd.gsrm.judge_endpoint.base_url=https://host:8443/v1",
            "rlkd.gsrm.judge_endpoint.model=judge-7b",
            "rlkd.gsrm.judge_endpoint.api_key_env=THE_KEY",
            "rlkd.gsrm.judge_endpoint.timeout_seconds=1.5",
            "rlkd.gsrm.judge_endpoint.request_budget=100",
            "rlkd.gsrm.judge_endpoint.logprobs=false",
            "rlkd.gsrm.domain=science");
    EndpointSettings endpoint = config.judgeEndpoint().orElseThrow();
    assertThat(endpoint.baseUrl()).hasToString("https://host:8443/v1");
    assertThat(endpoint.apiKeyVariable()).contains("THE_KEY");
    assertThat(endpoint.timeout()).isEqualTo(Duration.ofMillis(1500));
    assertThat(endpoint.concurrency()).isEqualTo(16);
    assertThat(endpoint.requestBudget()).isEqualTo(100);
    assertThat(endpoint.tokenProbabilities()).isFalse();
    assertThat(config.decomposing().endpoint()).isEmpty();
    assertThat(config.decomposing().domain()).isEqualTo(Domain.SCIENCE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://host/v1",
        "host/v1",
        "http://",
        "http://user:hunter2@host/v1",
        "http://host/v1?key=hunter2",
        "http://ho st/hunter2"
      })
  void a_base_url_that_is_none_is_refused_without_repeating_it(String url) {
    assertThatThrownBy(
            () ->
                read(
                    "rlkd.gsrm.decomposer=endpoint",
                    "rlkd.gsrm.decomposer_endpoint.model=m",
                    "rlkd.gsrm.decomposer_endpoint.base_url=" + url))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("rlkd.gsrm.decomposer_endpoint.base_url: expected http://")
        .hasMessageNotContaining("hunter2");
  }

  @Test
  void what_an_endpoint_needs_and_what_nothing_uses_is_told_by_name() {
    assertThatThrownBy(() -> read("rlkd.gsrm.decomposer=endpoint"))
        .hasMessageContaining("rlkd.gsrm.decomposer_endpoint.model: needed")
        .hasMessageContaining("rlkd.gsrm.decomposer_endpoint.base_url: needed");
    assertThatThrownBy(() -> read("rlkd.gsrm.decomposer_endpoint.retries=1"))
        .hasMessageContaining("not used unless rlkd.gsrm.decomposer: endpoint");
  }

  @Test
  void the_precision_of_embeddings_is_one_of_two_and_for_embeddings_alone() {
    assertThat(read("rlkd.gsrm.judge=embedding").judgePrecision())
        .isEqualTo(JudgePrecision.FLOAT32);
    assertThat(read("rlkd.gsrm.judge=embedding", "rlkd.gsrm.judge_precision=int8").judgePrecision())
        .isEqualTo(JudgePrecision.INT8);
    assertThatThrownBy(() -> read("rlkd.gsrm.judge=embedding", "rlkd.gsrm.judge_precision=int4"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("rlkd.gsrm.judge_precision")
        .hasMessageContaining("float32, int8");
    assertThatThrownBy(() -> read("rlkd.gsrm.judge_precision=int8"))
        .hasMessageContaining("not used unless rlkd.gsrm.judge: embedding");
  }

  @Test
  void the_reference_has_one_alignment() {
    assertThat(read("rlkd.gsrm.compatibility=reference").compatibility())
        .isEqualTo(GsrmCompatibility.REFERENCE);
    assertThatThrownBy(() -> read("rlkd.gsrm.compatibility=reference", "rlkd.gsrm.alignment=tree"))
        .hasMessageContaining("the reference knows alignment: prefix");
  }
}
