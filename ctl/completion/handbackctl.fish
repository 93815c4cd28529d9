# fish completion for handbackctl: the program itself says what may come next
function __handbackctl_offered
    set -l words (commandline -opc)
    set -e words[1]
    handbackctl complete -- $words (commandline -ct) 2>/dev/null
end
complete -c handbackctl -f -a '(__handbackctl_offered)'
complete -c handbackctl -n 'not __handbackctl_offered | string length -q' -F
