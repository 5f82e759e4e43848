# shellcheck shell=bash disable=SC2034,SC2154 # shares its variables with scripts/image-label-client
# The command line of image-label-client: its options, its command, and what is checked before a server is asked.

password=${IMAGE_LABEL_PASSWORD-}
unset IMAGE_LABEL_PASSWORD # so that no child process inherits it
# "" is a base_dir too, that of a dataset whose images are all uploaded; so [[ -v ]] tells whether an option was
# given.
declare -A given=()
words=() several=''

# Each option by its names, with the name under which its value is kept; those that end in = take a value.
declare -rA options=(
	[-u]=user= [--user]=user= [-p]=password= [--password]=password= [-b]=base= [--base]=base= [-d]=dataset= [--dataset]=dataset=
	[--netrc-file]=netrc= [--cacert]=cacert= [--insecure]=insecure [--json]=json [-h]=help [--help]=help [--version]=version
	[-i]=id= [--id]=id= [-f]=filepath= [--filepath]=filepath= [--token]=token= [-l]=label= [--label]=label=
	[-o]=outimg= [--outimg]=outimg= [-a]=basedir= [--basedir]=basedir= [--labels]=labels= [--policy]=policy=
	[--lead-time]=lead_time= [--limit]=limit= [--state]=state= [--by]=by= [--q]=q= [--flagged]=flagged= [--since]=since= [--disputed]=disputed= [--said-by]=said_by=
	[--role]=role= [--datasets]=datasets= [--expires]=expires= [--scope]=scope=
	[--cursor]=cursor= [--follow]=follow [--format]=format=
	[--split]=split= [--seed]=seed= [--colour]=colour= [--description]=description= [--position]=position=
)
readonly filters='state label by q flagged since'
readonly for_all=' user password base dataset netrc cacert insecure json help '

keep_option() { # OPTION KEY VALUE
	case $2 in
	help) usage && exit 0 ;;
	version) print "$name $version" && exit 0 ;;
	esac
	given[$2]=$3
	[[ $2 != password ]] || password=$3
}

parse() {
	local option key
	while (($#)); do
		option=$1
		case $1 in
		--) words+=("${@:2}") && return ;;
		--*) option=${1%%=*} ;;
		-?*) option=${1:0:2} ;;
		*) words+=("$1") && shift && continue ;;
		esac
		key=${options[$option]-}
		[[ -n $key ]] || wrong_usage "unknown option $option"
		if [[ $key != *= ]]; then
			[[ $1 == "$option" ]] || wrong_usage "$option takes no value"
			keep_option "$option" "$key" 1
		elif [[ $1 == "$option" ]]; then
			(($# >= 2)) || wrong_usage "$1 needs a value"
			keep_option "$option" "${key%=}" "$2"
			shift
		elif [[ $1 == --* ]]; then
			keep_option "$option" "${key%=}" "${1#*=}"
		else
			keep_option "$option" "${key%=}" "${1:2}"
		fi
		shift
	done
}

# Splits the words into the command, with its group, and its arguments.
find_command() {
	local names
	command=${words[0]-}
	names=$(printf '%s\n' "${!words_of[@]}" | grep -v ' ' | sort | paste -sd ' ')
	[[ -n $command ]] || wrong_usage "no command given: one of $names"
	[[ $command != *' '* && -n ${words_of[$command]-} ]] || wrong_usage "unknown command $command: it is one of $names"
	if [[ ${#words[@]} -gt 1 && -n ${words_of["$command ${words[1]}"]-} ]]; then
		command="$command ${words[1]}"
		words=("${words[@]:1}")
	fi
	words=("${words[@]:1}")
}

check_command() {
	local wanted=${words_of[$command]} key
	((${#words[@]} >= wanted)) || wrong_usage "$command needs one word more"
	((${#words[@]} <= wanted)) || wrong_usage "\"${words[wanted]}\" is one word too many for $command"
	for key in "${!given[@]}"; do
		[[ " ${options_of[$command]} $for_all" == *" $key "* ]] || wrong_usage "--${key//_/-} is nothing that $command takes"
	done
}

need() { # KEY…: options that the command needs
	local key
	for key in "$@"; do
		[[ -n ${given[$key]-} || ($key == basedir && -v given[basedir]) ]] || wrong_usage "$command needs --${key//_/-}"
	done
}

check_number() { # KEY PATTERN
	[[ ! -v given[$1] || ${given[$1]} =~ ^($2)$ ]] || wrong_usage "--${1//_/-} takes a whole number, not \"${given[$1]}\""
}

check_arguments() {
	find_command
	check_command
	[[ $command != classify ]] || need basedir filepath label
	dataset=${given[dataset]-}
	[[ -n $dataset || ${route_of[$command]} == /* ]] || wrong_usage 'no dataset given: --dataset NAME'
	if [[ $command == label && ${given[id]-} == *,* ]]; then
		several=1
		[[ ${given[id]} =~ ^[0-9]{1,15}(,[0-9]{1,15})*$ ]] || wrong_usage "--id takes numbers parted by commas, not \"${given[id]}\""
	else
		check_number id '0|-?[1-9][0-9]{0,14}'
	fi
	check_number limit '[1-9][0-9]{0,14}'
	check_number lead_time '0|[1-9][0-9]{0,14}'
	[[ ! -v given[policy] || $command == skip ]] || jq -e objects <<<"${given[policy]}" >/dev/null 2>&1 ||
		wrong_usage "--policy takes a JSON object, not ${given[policy]}"
	[[ ${given[user]-} != *:* ]] || wrong_usage 'a user name has no ":"'
	base=${given[base]-$default_base}
	[[ $base =~ ^[hH][tT][tT][pP][sS]?://[^/] ]] || wrong_usage "--base takes an http:// or https:// URL, not \"$base\""
	base=${base%/}
	netrc=${given[netrc]-}
	if [[ -z $password ]]; then
		[[ -n $netrc ]] || netrc=${HOME-}/.netrc
		[[ -r $netrc ]] || wrong_usage "no password: give --password, \$IMAGE_LABEL_PASSWORD or a netrc (there is no $netrc)"
	elif [[ -z ${given[user]-} ]]; then
		wrong_usage 'no user given: --user NAME'
	fi
}
