package org.rlkd.core.config;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Every key that a command knows, with its standing: TRL 1.16's, the older names of TRL and open-r1
 * that published recipes use, and rlkd's own under {@code rlkd}.
 */
public final class KeyTable {

  private final Map<String, Standing> standings = new TreeMap<>();

  KeyTable() {}

  /** Every key by name, nested ones with dots. */
  public Map<String, Standing> standings() {
    return Collections.unmodifiableMap(standings);
  }

  Collection<String> names() {
    return standings.keySet();
  }

  Standing standing(String name) {
    return standings.get(name);
  }

  /** Names of the mapping around nested keys: {@code rlkd}, {@code rlkd.gsrm}, ... */
  Set<String> groups() {
    Set<String> groups = new TreeSet<>();
    for (String name : standings.keySet()) {
      for (int dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
        groups.add(name.substring(0, dot));
      }
    }
    return groups;
  }

  KeyTable acts(Collection<Key<?>> keys) {
    keys.forEach(
        key ->
            put(
                key.name(),
                new Standing.Acts(key.type().expected(), key.describeDefault(), Optional.empty())));
    return this;
  }

  /** What a key that acts does otherwise than TRL. */
  KeyTable differs(String name, String difference) {
    if (!(standings.get(name) instanceof Standing.Acts acts)) {
      throw new IllegalStateException("key " + name + " does not act");
    }
    standings.put(
        name, new Standing.Acts(acts.expected(), acts.defaultValue(), Optional.of(difference)));
    return this;
  }

  KeyTable notApplicable(String reason, String... names) {
    for (String name : names) {
      put(name, new Standing.NotApplicable(reason));
    }
    return this;
  }

  /** A key of which only the given values are accepted. */
  KeyTable refused(String name, String reason, String... accepted) {
    put(name, new Standing.Refused(reason, Set.copyOf(Arrays.asList(accepted))));
    return this;
  }

  private void put(String name, Standing standing) {
    if (standings.put(name, standing) != null) {
      throw new IllegalStateException("key " + name + " stands twice in the table");
    }
  }
}
