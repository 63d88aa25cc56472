# Installs librlkd with its header as a CMake package (find_package(rlkd)) and a pkg-config module (rlkd).
include(CMakePackageConfigHelpers)

install(TARGETS rlkd EXPORT rlkdTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_SOURCE_DIR}/native/include/rlkd.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(rlkd_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rlkd)
install(EXPORT rlkdTargets NAMESPACE rlkd:: DESTINATION ${rlkd_package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/rlkdConfig.cmake.in ${PROJECT_BINARY_DIR}/rlkdConfig.cmake
  INSTALL_DESTINATION ${rlkd_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rlkdConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rlkdConfig.cmake ${PROJECT_BINARY_DIR}/rlkdConfigVersion.cmake
  DESTINATION ${rlkd_package_dir})

configure_file(${PROJECT_SOURCE_DIR}/cmake/rlkd.pc.in ${PROJECT_BINARY_DIR}/rlkd.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/rlkd.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
