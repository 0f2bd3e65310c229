# Web pages inside the program: embed_page(TARGET PAGE LIBRARIES FILE...) puts an HTML page and all it refers to, its
# scripts and its style sheet, into one C++ source of the target, at build time. The scripts and sheets are looked for
# beside the page, then among the libraries. The source defines, in namespace halfwave::cli,
#     std::span<const std::string_view> <page's name>_text();  // parts of the page, one after the other
# and this file is at the same time the script that writes it (cmake -P).

function(embed_page target page)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "LIBRARIES")
  get_filename_component(name ${page} NAME_WE)
  get_filename_component(folder ${page} ABSOLUTE)
  get_filename_component(folder ${folder} DIRECTORY)
  file(GLOB parts CONFIGURE_DEPENDS ${folder}/*.html ${folder}/*.css ${folder}/*.js)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}_text.cpp)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} "-DPAGE=${folder}/${name}.html" "-DLIBRARIES=${arg_LIBRARIES}" "-DSOURCE=${source}"
            -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    DEPENDS ${parts} ${arg_LIBRARIES} ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    COMMENT "Embedding ${name}.html" VERBATIM)
  target_sources(${target} PRIVATE ${source})
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  return()
endif()

cmake_minimum_required(VERSION 3.24)
get_filename_component(folder ${PAGE} DIRECTORY)
get_filename_component(name ${PAGE} NAME_WE)

# The text of a file that the page refers to.
function(read_part file result)
  set(found ${folder}/${file})
  foreach(library IN LISTS LIBRARIES)
    get_filename_component(library_name ${library} NAME)
    if(library_name STREQUAL file)
      set(found ${library})
    endif()
  endforeach()
  if(NOT EXISTS ${found})
    message(FATAL_ERROR "${PAGE} refers to ${file}, which is neither beside it nor among the libraries")
  endif()
  file(READ ${found} text)
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

file(READ ${PAGE} page)
string(REGEX MATCHALL "<script src=\"[^\"]+\"></script>|<link rel=\"stylesheet\" href=\"[^\"]+\">" references "${page}")
foreach(reference IN LISTS references)
  string(REGEX REPLACE ".*(src|href)=\"([^\"]+)\".*" "\\2" file "${reference}")
  read_part(${file} text)
  if(reference MATCHES "^<script" AND text MATCHES "</script")
    message(FATAL_ERROR "${file} must not contain </script")
  endif()
  if(reference MATCHES "^<script")
    string(REPLACE "${reference}" "<script>\n${text}</script>" page "${page}")
  else()
    string(REPLACE "${reference}" "<style>\n${text}</style>" page "${page}")
  endif()
endforeach()

# Bytes as escapes, in parts: compilers need not take strings longer than 65,536 characters.
file(WRITE ${SOURCE}.html "${page}")
file(READ ${SOURCE}.html bytes HEX)
string(LENGTH "${bytes}" length)
set(literals "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${bytes}" ${at} 32000 part)
  string(REGEX REPLACE "(..)" "\\\\x\\1" part "${part}")
  string(APPEND literals "    \"${part}\",\n")
  math(EXPR at "${at} + 32000")
endwhile()
file(WRITE ${SOURCE} "// Made of ${name}.html by embed.cmake.
#include <span>
#include <string_view>

namespace halfwave::cli {

std::span<const std::string_view> ${name}_text() {
  static constexpr std::string_view kParts[] = {
${literals}  };
  return kParts;
}

}  // namespace halfwave::cli
")
