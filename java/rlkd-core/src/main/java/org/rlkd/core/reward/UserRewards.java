package org.rlkd.core.reward;

import java.lang.reflect.InvocationTargetException;
import java.util.Optional;
import java.util.ServiceLoader;
import org.rlkd.core.UsageException;

/**
 * Rewards that a user brings on the class path: a class by its full name, which implements {@link
 * Reward} and has a public constructor without arguments, or one that a {@link ServiceLoader} finds
 * under its {@link Reward#name}.
 */
final class UserRewards {
  private UserRewards() {}

  /**
   * The reward of a name.
   *
   * @throws UsageException if there is a class of that name that is no such reward
   */
  static Optional<Reward> find(String name) {
    for (Reward reward : ServiceLoader.load(Reward.class)) {
      if (reward.name().equals(name)) {
        return Optional.of(reward);
      }
    }
    return name.contains(".") ? Optional.of(ofClass(name)) : Optional.empty();
  }

  private static Reward ofClass(String name) {
    try {
      Class<?> type = Class.forName(name);
      if (!Reward.class.isAssignableFrom(type)) {
        throw new UsageException(
            "reward_funcs: class %s does not implement %s".formatted(name, Reward.class.getName()));
      }
      return (Reward) type.getConstructor().newInstance();
    } catch (ClassNotFoundException e) {
      throw new UsageException(
          "reward_funcs: there is no class %s on the class path; add its jar with RLKD_CLASSPATH"
              .formatted(name),
          e);
    } catch (InvocationTargetException e) {
      throw new UsageException(
          "reward_funcs: the constructor of %s failed: %s".formatted(name, e.getCause()), e);
    } catch (ReflectiveOperationException e) {
      throw new UsageException(
          "reward_funcs: %s cannot be made (%s); expected a public class with a public constructor without arguments"
              .formatted(name, e),
          e);
    }
  }
}
