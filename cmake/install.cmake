# cmake --install: library, public headers, CMake package (find_package(vulcyte)) and pkg-config file.
install(TARGETS vulcyte EXPORT vulcyteTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/vulcyte DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vulcyte)
install(EXPORT vulcyteTargets NAMESPACE vulcyte:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/vulcyteConfig.cmake.in
  ${PROJECT_BINARY_DIR}/vulcyteConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vulcyteConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vulcyteConfig.cmake ${PROJECT_BINARY_DIR}/vulcyteConfigVersion.cmake
  DESTINATION ${package_dir})

# The pkg-config file finds the rest relative to itself, so an installed tree may be moved.
file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH pc_to_include ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
list(JOIN VULCYTE_PC_DEPENDENCIES " " pc_requires)
configure_file(${PROJECT_SOURCE_DIR}/cmake/vulcyte.pc.in ${PROJECT_BINARY_DIR}/vulcyte.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/vulcyte.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
