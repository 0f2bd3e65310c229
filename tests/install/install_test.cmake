# Lost if this fails: nobody could use an installed Halfwave from a project of their own.
# Installs BUILD into a folder, builds the consumer with nothing but that folder, and runs it and the program.
#   cmake -D BUILD=… -D CONSUMER=… -D WORK=… -D VERSION=… -D BINDIR=… -D COMPILER=… -D GENERATOR=… -P install_test.cmake
function(run result)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " line)
    message(FATAL_ERROR "failed (${code}): ${line}\n${out}${err}")
  endif()
  set(${result} "${out}" PARENT_SCOPE)
endfunction()

function(expect what actual expected)
  if(NOT actual MATCHES "${expected}")
    message(FATAL_ERROR "${what} printed '${actual}', which has no '${expected}'")
  endif()
endfunction()

string(REPLACE "." "\\." version "${VERSION}")
file(REMOVE_RECURSE ${WORK})
run(out ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)

# Moved after installation, as a package or an archive is: nothing may remember where it was put first.
file(RENAME ${WORK}/prefix ${WORK}/moved)
run(out ${WORK}/moved/${BINDIR}/halfwave --version)
expect("halfwave --version" "${out}" "${version}")

run(out ${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
    -DCMAKE_PREFIX_PATH=${WORK}/moved -DCMAKE_BUILD_TYPE=Release)
run(out ${CMAKE_COMMAND} --build ${WORK}/build)
run(out ${WORK}/build/consumer)
expect("the consumer" "${out}" "^halfwave ${version}, relu, [^\n]*'relu'[^\n]*\n$")
message("Installed, moved, found, linked and run: ${out}")
