package org.rlkd.bindings.presets;

import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.javacpp.tools.Info;
import org.bytedeco.javacpp.tools.InfoMap;
import org.bytedeco.javacpp.tools.InfoMapper;

/**
 * How JavaCPP turns {@code rlkd.h} into {@code org.rlkd.bindings}: structs keep their C names,
 * enumerators become {@code int} constants of {@code org.rlkd.bindings.global.rlkd}.
 */
@Properties(
    value =
        @Platform(
            include = "rlkd.h",
            link = "rlkd",
            // One OpenMP runtime in the process: LibTorch's where its jar is on the class path,
            // else the system's.
            preload = "gomp@.1",
            preloadresource = "/org/bytedeco/pytorch/"),
    target = "org.rlkd.bindings",
    global = "org.rlkd.bindings.global.rlkd")
public class rlkd implements InfoMapper {
  @Override
  public void map(InfoMap infoMap) {
    infoMap.put(new Info("RLKD_API").cppTypes().annotations()).put(new Info("RLKD_H").skip());
  }
}
