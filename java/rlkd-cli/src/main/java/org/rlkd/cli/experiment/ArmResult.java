package org.rlkd.cli.experiment;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What came out of one arm under one seed.
 *
 * @param training what its own training cost, its start model not included
 * @param heldOut problems like those it trained on
 * @param longer problems of more steps than any teacher path that anything trained on
 */
record ArmResult(
    long seed,
    String arm,
    Cost training,
    @JsonProperty("held_out") ProblemScores heldOut,
    @JsonProperty("longer") ProblemScores longer) {}
