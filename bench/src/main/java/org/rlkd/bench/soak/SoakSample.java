package org.rlkd.bench.soak;

/**
 * A run at one time.
 *
 * @param minutes since the first step ended
 * @param step optimizer steps done
 * @param residentBytes of the process
 * @param heapBytes of Java objects after a collection
 * @param pointers of JavaCPP that own native memory
 * @param stepSeconds median of the steps since the sample before, from the end of one to the end of
 *     the next
 * @param stepCpuSeconds the same by the CPU time of the thread that trains, which waiting for a
 *     processor does not add to
 */
record SoakSample(
    double minutes,
    long step,
    long residentBytes,
    long heapBytes,
    long pointers,
    double stepSeconds,
    double stepCpuSeconds) {}
