package org.rlkd.core.config;

/** {@code rlkd.gsrm.alignment}: which teacher step a student step is compared with. */
public enum Alignment {
  PREFIX,
  MONOTONE,
  TREE
}
