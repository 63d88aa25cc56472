package org.rlkd.engine.tokenizer;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The named special tokens of a tokenizer.
 *
 * @param byName text of each named token ({@code bos_token}, {@code eos_token}, {@code pad_token},
 *     {@code unk_token}, ...); names without a token are absent
 * @param bosId id of the beginning-of-sequence token, if there is one
 * @param eosId id of the end-of-sequence token, if there is one
 * @param padId id that fills batches: the pad token, else the eos token (as TRL does), if there is
 *     either
 * @param eosIds every id that ends a completion: the tokenizer's eos first, then those of
 *     generation_config.json (of config.json where that file is missing), without repeats
 */
public record SpecialTokens(
    Map<String, String> byName,
    OptionalInt bosId,
    OptionalInt eosId,
    OptionalInt padId,
    List<Integer> eosIds) {

  public SpecialTokens {
    byName = Collections.unmodifiableMap(new LinkedHashMap<>(byName));
    eosIds = List.copyOf(eosIds);
  }
}
