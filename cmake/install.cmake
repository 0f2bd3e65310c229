# What `cmake --install` gives: the headers, the library, the program, and the package files that let another project
# say find_package(halfwave) and link halfwave::halfwave (tests/install does so).
include(CMakePackageConfigHelpers)

# The program finds its library wherever the two are put together.
file(RELATIVE_PATH bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(halfwave_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${bin_to_lib}")

# A static library's export names everything that it was linked with, also halfwave_flags, which is empty outside.
set(exported halfwave)
if(NOT BUILD_SHARED_LIBS)
  list(APPEND exported halfwave_flags)
endif()
install(TARGETS ${exported} EXPORT halfwaveTargets)
install(TARGETS halfwave_cli)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/halfwave DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/halfwave)
install(EXPORT halfwaveTargets NAMESPACE halfwave:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/halfwaveConfig.cmake.in ${PROJECT_BINARY_DIR}/halfwaveConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/halfwaveConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/halfwaveConfig.cmake ${PROJECT_BINARY_DIR}/halfwaveConfigVersion.cmake
        DESTINATION ${package_dir})
